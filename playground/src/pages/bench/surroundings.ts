// What a page can know of the browser and the machine that it is in.

interface Brand {
  readonly brand: string;
  readonly version: string;
}

interface UserAgentData {
  readonly brands: readonly Brand[];
  readonly platform: string;
  getHighEntropyValues?(hints: readonly string[]): Promise<Record<string, unknown>>;
}

const NAMES: readonly (readonly [name: string, version: RegExp])[] = [
  ["Edge", /\bEdg\/([\d.]+)/],
  ["Opera", /\bOPR\/([\d.]+)/],
  ["Firefox", /\bFirefox\/([\d.]+)/],
  ["Chrome", /\bChrome\/([\d.]+)/],
  ["Safari", /\bVersion\/([\d.]+).* Safari\//],
];

/** Name and version, out of what the browser calls itself. */
export function browserOf(agent: string, data?: Pick<UserAgentData, "brands">): string {
  // A made-up brand among them keeps sites from relying on the list.
  const brand =
    data?.brands.find(({ brand }) => !/not.*brand|^Chromium$/i.test(brand)) ??
    data?.brands.find(({ brand }) => brand === "Chromium");
  if (brand) return `${brand.brand} ${brand.version}`;
  for (const [name, version] of NAMES) {
    const found = agent.match(version);
    if (found) return `${name} ${found[1]}`;
  }
  return agent;
}

/** System and processor as far as the browser tells. */
export async function machineOf(navigator: Navigator): Promise<string> {
  const data = (navigator as { userAgentData?: UserAgentData }).userAgentData;
  const memory = (navigator as { deviceMemory?: number }).deviceMemory;
  const room = memory === undefined ? [] : [`${memory} GiB or more`];
  if (data?.getHighEntropyValues) {
    try {
      const { architecture, bitness, platformVersion } = await data.getHighEntropyValues([
        "architecture",
        "bitness",
        "platformVersion",
      ]);
      const system = [data.platform, platformVersion].filter(Boolean).join(" ");
      const processor = [architecture, bitness].filter(Boolean).join(" ");
      return [system, processor, ...room].filter(Boolean).join(", ");
    } catch {
      // A browser may keep it to itself.
    }
  }
  const [, system = ""] = navigator.userAgent.match(/\(([^)]*)\)/) ?? [];
  return [system.replace(/; rv:[\d.]+/, ""), ...room].filter(Boolean).join(", ");
}

/** A function of one fused multiply-add: valid only where relaxed SIMD is. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 8, 1, 96, 3, 123, 123, 123, 1, 123],
  ...[3, 2, 1, 0],
  ...[10, 13, 1, 11, 0, 32, 0, 32, 1, 32, 2, 253, 0x85, 2, 11],
);
export const hasRelaxed = () => WebAssembly.validate(RELAXED_PROBE);
