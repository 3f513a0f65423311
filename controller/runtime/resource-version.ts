/** Order of resource versions: decimal numbers of one server compare as such (KEP-5504); of anything else nothing is known. */

const DECIMAL = /^[1-9]\d*$/;

/** Surely older. False also where the two cannot be compared. */
export function isOlder(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || than === undefined || version === than || !DECIMAL.test(version) || !DECIMAL.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}
