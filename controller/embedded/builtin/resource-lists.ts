/** Resource lists (`requests`, `capacity`): their one form, and what a container may ask for (`pkg/apis/core/validation`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, member, objectAt } from '../json.ts';
import { qualifiedNameProblems } from '../metadata.ts';
import { badRequest, invalidValue, required } from '../problems.ts';
import { parseQuantityExactly, QUANTITY_PATTERN, quantityText } from './quantity.ts';

/** In place. `kind`: whose decoding it is. */
export function normalizeQuantities(list: unknown, kind: string): void {
  if (!isObject(list)) return;
  for (const [name, value] of Object.entries(list)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    const quantity = parseQuantityExactly(String(value));
    if (quantity === undefined) throw badRequest(`${kind} in version "v1" cannot be handled as a ${kind}: quantities must match the regular expression '${QUANTITY_PATTERN}'`);
    list[name] = quantityText({ ...quantity, nano: wholeThousandths(quantity.nano) });
  }
}

/** Rounded up: kube-apiserver keeps no smaller parts of a resource. */
const wholeThousandths = (nano: bigint): bigint => (nano <= 0n ? nano : (nano + MILLI - 1n) / MILLI * MILLI);
const MILLI = 10n ** 6n;

const STANDARD = /^(cpu|memory|ephemeral-storage|hugepages-.+)$/;
const sizeOf = (list: JsonObject, name: string): bigint | undefined => (Object.hasOwn(list, name) ? parseQuantityExactly(String(list[name]))?.nano : undefined);

/** `requests` and `limits` of a container. */
export function checkResources(resources: JsonObject, field: string): StatusCause[] {
  const [limits, requests] = [objectAt(resources, 'limits'), objectAt(resources, 'requests')];
  const causes = [...checkList(limits, `${field}.limits`), ...checkList(requests, `${field}.requests`)];
  for (const name of Object.keys(requests)) {
    const [asked, most] = [sizeOf(requests, name), sizeOf(limits, name)];
    // Of these nothing can be given twice.
    const whole = name.includes('/') || name.startsWith('hugepages-');
    if (most === undefined && whole) causes.push(required(`${field}.limits`, 'Limit must be set for non overcommitable resources'));
    else if (asked !== undefined && most !== undefined && whole && asked !== most) causes.push(invalidValue(`${field}.requests`, requests[name], `must be equal to ${name} limit of ${String(limits[name])}`));
    else if (asked !== undefined && most !== undefined && asked > most) causes.push(invalidValue(`${field}.requests`, requests[name], `must be less than or equal to ${name} limit of ${String(limits[name])}`));
  }
  return causes;
}

function checkList(list: JsonObject, field: string): StatusCause[] {
  return Object.keys(list).flatMap((name) => {
    const at = `${field}[${name}]`;
    const causes = qualifiedNameProblems(name).map((problem) => invalidValue(at, name, problem));
    if (!name.includes('/') && !STANDARD.test(name)) causes.push(invalidValue(at, name, 'must be a standard resource type or fully qualified'), invalidValue(at, name, 'must be a standard resource for containers'));
    const size = sizeOf(list, name) ?? 0n;
    if (size < 0n) causes.push(invalidValue(at, member(list, name), 'must be greater than or equal to 0'));
    if (name.includes('/') && size % 10n ** 9n !== 0n) causes.push(invalidValue(at, member(list, name), 'must be an integer'));
    return causes;
  });
}
