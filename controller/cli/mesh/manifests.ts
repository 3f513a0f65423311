/** A cluster's peering as manifests, and a folder of them that is there whole or not at all. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { filledBy } from '../../../mesh/cilium/own-tls.ts';
import { renderPeering } from '../../../mesh/cilium/peering.ts';
import { PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH } from '../../../mesh/cilium/words.ts';
import type { PeeringState } from '../../../mesh/model/desired.ts';
import { CommandFailure } from '../environment.ts';

export interface Manifest {
  /** Relative to the folder. */
  readonly path: string;
  readonly text: string;
}

/** Marks a folder that may be replaced. */
const MARKER = '.isthmus-mesh-render';

/** `data`, never `stringData`: a peer that is taken out of that would stay in the cluster. */
export function manifestsOf(cluster: string, peering: PeeringState, mark?: string): readonly Manifest[] {
  return renderPeering(peering, mark).map(({ kind, namespace, name, data, type }) => ({
    path: join(cluster, `${name}.yaml`),
    text: referencesText(peering, name) + stringify({
      apiVersion: 'v1', kind, metadata: { name, namespace }, ...(kind === 'Secret' ? { type: type ?? 'Opaque' } : {}),
      data: kind === 'Secret' ? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')])) : { ...data },
    }, { lineWidth: 0 }),
  }));
}

export interface KeyReference {
  readonly peer: string;
  /** Keys that are to be in the Secret beside the peer's entry, and what of the Secret that is named fills each. */
  readonly keys: readonly (readonly [key: string, from: string])[];
  /** `namespace/name`. */
  readonly of: string;
}

/** Private keys are only named: of peers that are read with credentials for them alone. */
export const keyReferences = ({ peers, namespace }: PeeringState): readonly KeyReference[] =>
  peers.flatMap((peer): KeyReference[] => (peer.endpoint.tls === undefined ? [] : [{ peer: peer.name, keys: filledBy(peer), of: `${namespace}/${peer.endpoint.tls.secretName}` }]));

export const remoteSecret = ({ kvstoreMesh }: PeeringState): string => (kvstoreMesh ? PEERS_OF_KVSTOREMESH : PEERS_OF_AGENTS);

const referencesText = (peering: PeeringState, name: string): string => (name !== remoteSecret(peering) ? '' : keyReferences(peering)
  .map(({ peer, keys, of }) => `# Peer ${peer} is read with credentials for it alone, which are no part of this file. From Secret ${of} of this cluster:\n${keys.map(([key, from]) => `#   data["${key}"]: ${from}\n`).join('')}`).join(''));

/** The folder's parent must be there. What stood in it before is gone, so that a cluster that left the mesh leaves no file behind. */
export function replaceFolder(option: string, folder: string, manifests: readonly Manifest[]): void {
  const place = resolve(folder);
  const beside = `${place}.${process.pid}.new`;
  const before = `${place}.${process.pid}.old`;
  if (existsSync(place)) {
    const names = readdirSync(place);
    if (names.length > 0 && !names.includes(MARKER)) throw new CommandFailure(`${option} ${folder}: holds files that this command did not write (${names.slice(0, 3).join(', ')}); give a folder of its own, for the whole of it is replaced`);
  }
  try {
    mkdirSync(beside);
    writeFileSync(join(beside, MARKER), 'Written by "isthmus mesh render", which replaces all of this folder.\n');
    for (const { path, text } of manifests) {
      mkdirSync(dirname(join(beside, path)), { recursive: true });
      writeFileSync(join(beside, path), text);
    }
    if (existsSync(place)) renameSync(place, before);
    renameSync(beside, place);
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    if (existsSync(before) && !existsSync(place)) renameSync(before, place);
    throw new CommandFailure(`${option} ${folder}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}); what was there is there still`);
  }
  rmSync(before, { recursive: true, force: true });
}
