/** Cilium's version as far as decisions need it. */

export interface CiliumVersion {
  readonly major: number;
  readonly minor: number;
}

/** `1.18.12`, `v1.20.0-pre.1`, `1.18`; `undefined` for anything else. */
export function parseCiliumVersion(text: string): CiliumVersion | undefined {
  const match = /^v?(\d{1,4})\.(\d{1,4})(?:[.+-]|$)/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}
