// The digits, fetched.
const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());

export const digits = async () => ({ images: await bytes("images.idx"), labels: await bytes("labels.idx") });
