export const inChromium = async () => [];
