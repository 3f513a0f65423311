/** EndpointSlices: what kube-apiserver defaults and refuses (`pkg/apis/discovery/validation`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, member } from '../json.ts';
import { invalidValue, notSupported, required, tooMany } from '../problems.ts';
import { parseAddress, specialAddress } from './addresses.ts';

const listOf = (object: JsonObject, key: string): readonly JsonObject[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.filter(isObject) : [];
};

export function defaultEndpointSlice(object: JsonObject): void {
  for (const port of listOf(object, 'ports')) {
    port['name'] ??= '';
    port['protocol'] ??= 'TCP';
  }
}

/** Empty lists are stored as null, as kube-apiserver's protobuf leaves them. */
export function prepareEndpointSlice(object: JsonObject): void {
  for (const key of ['endpoints', 'ports']) if (listOf(object, key).length === 0) object[key] = null;
}

export function checkEndpointSlice(object: JsonObject, previous: JsonObject | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  const type = object['addressType'];
  if (type !== 'IPv4' && type !== 'IPv6' && type !== 'FQDN') causes.push(notSupported('addressType', type, ['FQDN', 'IPv4', 'IPv6']));
  if (previous !== undefined && previous['addressType'] !== type) causes.push(invalidValue('addressType', type, 'field is immutable'));
  const endpoints = listOf(object, 'endpoints');
  if (endpoints.length > 1000) causes.push(tooMany('endpoints', endpoints.length, 1000));
  endpoints.forEach((endpoint, index) => {
    const addresses = Array.isArray(endpoint['addresses']) ? endpoint['addresses'] as unknown[] : [];
    if (addresses.length === 0) causes.push(required(`endpoints[${index}].addresses`, 'must contain at least 1 address'));
    if (addresses.length > 100) causes.push(tooMany(`endpoints[${index}].addresses`, addresses.length, 100));
    addresses.forEach((address, at) => {
      const field = `endpoints[${index}].addresses[${at}]`;
      if (type === 'FQDN') return;
      if (typeof address !== 'string' || parseAddress(address)?.family !== type) {
        causes.push(invalidValue(field, address, `must be an ${type} address`));
        return;
      }
      const special = specialAddress(address);
      if (special !== undefined) causes.push(invalidValue(field, address, special));
    });
  });
  const names = new Set<unknown>();
  const ports = listOf(object, 'ports');
  if (ports.length > 100) causes.push(tooMany('ports', ports.length, 100));
  ports.forEach((port, index) => {
    if (names.has(port['name'])) causes.push({ reason: 'FieldValueDuplicate', field: `ports[${index}].name`, message: `Duplicate value: ${JSON.stringify(port['name'])}` });
    names.add(port['name']);
    if (!['TCP', 'UDP', 'SCTP'].includes(String(port['protocol']))) causes.push(notSupported(`ports[${index}].protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']));
  });
  return causes;
}
