/** A planned clone for people's eyes: as a difference, or as manifests for review. */
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { stringify } from 'yaml';
import type { CloneChange, CloneEffect } from '../../../mesh/inventory/clone.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { PlannedClone } from './clone-plan.ts';

const shown = (value: CloneChange['before']): string => (typeof value === 'string' ? value : `[${(value ?? []).join(', ')}]`);
const heading = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)]);
const access = ({ path, joins }: CloneEffect): string => (path.startsWith('spec.from.') ? `is ${joins ? '' : 'no longer '}let in by` : `${joins ? '' : 'no longer '}holds`);
function effect(one: CloneEffect): string {
  const { kind, name, path, joins, asSource } = one;
  return `${kind === 'AccessPolicy' ? access(one) : joins ? 'joins' : 'leaves'} ${kind} ${name}${kind === 'UpdateStrategy' || kind === 'AccessPolicy' ? ` (${path})` : ''}${asSource ? '' : ', which follows from a label above: not copied for its own sake'}`;
}

/** Changes of one object stay together. */
function byObject(changes: readonly CloneChange[]): Map<string, CloneChange[]> {
  const objects = new Map<string, CloneChange[]>();
  for (const change of changes) {
    const key = `${change.kind}/${change.name}`;
    objects.set(key, [...(objects.get(key) ?? []), change]);
  }
  return objects;
}

export const objectNames = ({ changes }: PlannedClone): string[] =>
  [...new Set(changes.map(({ kind, name }) => `${kind.toLowerCase()}.isthmus.dev/${name}`))];

/** What surrounds the changes. */
function remarks({ effects, conflicts, notCopied, run, waiting, changed }: PlannedClone, target: string): string[] {
  return [
    ...heading(`${target} then`, effects.map(effect)),
    ...(waiting ? ['', `${target} has not joined or reported yet: it becomes part of the mesh once it has.`] : []),
    ...heading('Conflicts', conflicts.map(({ reason, message }) => `${reason}: ${message}`)),
    ...(run === undefined ? [] : heading(`The hub would make a run of UpdateStrategy ${run.strategy} for ${changed.length} ${changed.length === 1 ? 'cluster' : 'clusters'}`, run.stages.map(({ name, clusters }) => `stage ${name}: ${clusters.join(', ')}`))),
    ...heading('Not copied', notCopied.map(({ what, why }) => `${what}: ${why}`)),
  ];
}

export function cloneDiff(clone: PlannedClone, target: string): string {
  const lines = [...byObject(clone.changes)].flatMap(([object, changes]) => [
    object,
    ...changes.flatMap(({ path, before, after, why }) => [
      ...(before === undefined ? [] : [`- ${path.join('.')}: ${shown(before)}`]),
      ...(after === undefined ? [] : [`+ ${path.join('.')}: ${shown(after)}`]),
      `    ${why}`,
    ]),
  ]);
  return `${[...(lines.length === 0 ? ['Nothing has to change.'] : lines), ...remarks(clone, target)].join('\n')}\n`;
}

/** Whole objects as they would be, for `kubectl apply` or a repository; what there is to know stands above them as comments. */
export function cloneManifests(clone: PlannedClone, target: string): string {
  const removed = clone.changes.filter(({ after, path }) => after === undefined && path[1] === 'labels').map(({ name, path }) => `kubectl label clusters.isthmus.dev ${name} ${path[2]}-`);
  const comments = [
    ...clone.changes.map(({ kind, name, path, why }) => `${kind} ${name} ${path.join('.')}: ${why}`), ...remarks(clone, target),
    ...heading('"kubectl apply" takes a label away only where it had set it; else', removed),
  ];
  const documents = [...byObject(clone.changes)].flatMap(([object, changes]) => {
    const [kind = '', name = ''] = object.split('/');
    const live = clone.object(kind, name);
    return live === undefined ? [] : [`---\n${stringify(changes.reduce(withChange, manifest(live)))}`];
  });
  return `${comments.map((line) => `# ${line}`.trimEnd()).join('\n')}\n${documents.join('')}`;
}

type Manifest = Record<string, unknown>;
/** Of whoever wrote the object last: who applies it is somebody else. */
const OF_THE_WRITER: readonly string[] = ['kubectl.kubernetes.io/last-applied-configuration', CHANGED_BY];

function manifest(object: KubernetesObject & { readonly spec?: unknown }): Manifest {
  const { name, labels, annotations } = object.metadata;
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !OF_THE_WRITER.includes(key));
  return {
    apiVersion: object.apiVersion, kind: object.kind,
    metadata: { name, ...(labels === undefined ? {} : { labels: { ...labels } }), ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }) },
    spec: structuredClone(object.spec ?? {}),
  };
}

function withChange(object: Manifest, { path, after }: CloneChange): Manifest {
  const set = (inner: Manifest, [key = '', ...rest]: readonly string[]): Manifest => {
    if (rest.length > 0) return { ...inner, [key]: set((inner[key] ?? {}) as Manifest, rest) };
    return Object.fromEntries([...Object.entries(inner).filter(([one]) => one !== key || after !== undefined), ...(after === undefined || key in inner ? [] : [[key, after]])].map(([one, value]) => [one, one === key ? after : value]));
  };
  return set(object, path);
}

/** What is sent to the server: a merge patch of one object each. */
export function mergePatches(clone: PlannedClone, annotations: Readonly<Record<string, string>>): { readonly kind: string; readonly name: string; readonly body: Manifest }[] {
  return [...byObject(clone.changes)].map(([object, changes]) => {
    const [kind = '', name = ''] = object.split('/');
    const { resourceVersion } = clone.object(kind, name)?.metadata ?? {};
    const start: Manifest = { metadata: { annotations, ...(resourceVersion === undefined ? {} : { resourceVersion }) } };
    const body = changes.reduce((patch, { path, after }) => mergeAt(patch, path, after ?? null), start);
    return { kind, name, body };
  });
}

const mergeAt = (inner: Manifest, [key = '', ...rest]: readonly string[], value: unknown): Manifest =>
  ({ ...inner, [key]: rest.length === 0 ? value : mergeAt((inner[key] ?? {}) as Manifest, rest, value) });
