/** A mesh etcd on loopback that has what Cilium's own has, and lets its reader see what Cilium's role `remote` does. */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { answer, fakeEtcd } from '../../../controller/adapters/etcd/testing/fake-etcd.ts';
import type { EtcdTarget } from '../../../mesh/ports/etcd.ts';

const PERMISSION_DENIED = 7;
const KINDS = ['nodes', 'services', 'identities', 'ip', 'serviceexports'];

function requestOf(message: Uint8Array): { readonly key: string; readonly prefix: boolean; readonly countOnly: boolean } {
  const reader = new BinaryReader(message);
  const request = { key: '', prefix: false, countOnly: false };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) request.key = Buffer.from(reader.bytes()).toString('utf8');
    else if (field === 2) request.prefix = reader.bytes().length > 0;
    else if (field === 9) request.countOnly = reader.bool();
    else reader.skip(wireType);
  }
  return request;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
function rangeAnswer(entries: readonly (readonly [string, string])[], count: number): Uint8Array {
  const writer = new BinaryWriter().uint32(10).fork().uint32(24).int64(9).join();
  for (const [key, value] of entries) writer.uint32(18).fork().uint32(10).bytes(bytes(key)).uint32(24).int64(7).uint32(42).bytes(bytes(value)).join();
  return writer.uint32(32).int64(count).finish();
}

export async function startSimulatedEtcd(cluster: string, id: number): Promise<{ readonly target: EtcdTarget; close(): Promise<void> }> {
  const now = new Date().toISOString();
  const content = new Map([
    ['cilium/.heartbeat', now], [`cilium/cluster-config/${cluster}`, JSON.stringify({ id, capabilities: { syncedCanaries: true, maxConnectedClusters: 255 } })],
    ...KINDS.map((kind): [string, string] => [`cilium/synced/${cluster}/cilium/state/${kind}/v1`, now]),
  ]);
  const server = await fakeEtcd((stream, path, message) => {
    const { key, prefix, countOnly } = requestOf(message);
    const readable = key.startsWith('cilium/state/') || key.startsWith(`cilium/synced/${cluster}/`) || content.has(key);
    if (path !== '/etcdserverpb.KV/Range' || !readable) return answer(stream, undefined, PERMISSION_DENIED, 'etcdserver: permission denied');
    const entries = [...content].filter(([name]) => (prefix ? name.startsWith(key) : name === key));
    answer(stream, rangeAnswer(countOnly ? [] : entries, key.startsWith('cilium/state/') ? 100 : entries.length));
  });
  const { certificatePem, keyPem } = server.authority.issue('client', 'remote');
  return { target: { endpoint: server.url, caPem: server.authority.certificatePem, certPem: certificatePem, keyPem }, close: () => server.close() };
}
