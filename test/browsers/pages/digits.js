// The digits, fetched.
const bytes = async (name) => new Uint8Array(await (await fetch(`/digits/${name}.idx`)).arrayBuffer());

export const digits = async () => ({ images: await bytes("images"), labels: await bytes("labels") });
