/**
 * Objects that follow live facts (imports) are put back when somebody changes them, for a stale endpoint is an outage; but never silently, and never in a fight:
 * who undoes our writes again and again is named, and we wait longer and longer between them.
 */
import { CONTENTION } from '../../../mesh/drift/contention.ts';
import { diffFields } from '../../../mesh/drift/fields.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import type { DriftEntry } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { authorsOf, lastOther, ownersOf } from '../apply/authors.ts';
import type { DriftBook } from '../apply/drift-book.ts';
import { createOwnWrites, isFromBefore, isReplaced, type OwnWrite, wroteAs } from '../../runtime/own-writes.ts';
import type { AgentPorts } from '../ports.ts';

/** How long what was put back is still shown. */
const SHOWN_SECONDS = 120;
const MOST_PATHS = 4;
/** Objects whose last write is remembered; of the others a deleted member is taken for our own change. */
const MOST_REMEMBERED = 20_000;

export interface PutBack {
  /** Before a write of `intent`. `current`: what the cache holds, and nothing newer. `quietUntil`: leave it alone until then. */
  look(object: string, intent: KubernetesObject, current: KubernetesObject | undefined): { readonly quietUntil?: Instant; readonly lookAgainAt?: Instant };
  wrote(object: string, intent: KubernetesObject, before: KubernetesObject | undefined, after: KubernetesObject): void;
  /** Whether what the cache holds is surely there no more: we removed it, or made another in its place since. */
  isGone(object: string, current: KubernetesObject): boolean;
  /** We removed what was there. */
  removed(object: string, was: KubernetesObject): void;
}

interface Wrote extends OwnWrite {
  /** Digest; absent: we removed it. */
  readonly intent?: string;
  readonly cameBack: boolean;
}

/** What an intent says beside the object's identity. */
function said({ metadata, apiVersion: _, kind: __, ...rest }: KubernetesObject): Readonly<Record<string, unknown>> {
  const { labels, annotations, ownerReferences: ___ } = metadata;
  return { ...rest, metadata: { ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }) } };
}

export function createPutBack({ clock, digest, log, metrics }: Pick<AgentPorts, 'clock' | 'digest' | 'log' | 'metrics'>, book: DriftBook, fieldManager: string): PutBack {
  const remembered = createOwnWrites<Wrote>(MOST_REMEMBERED);
  /** Changes that were counted and not answered by a write yet; before a restart as well. */
  const open = new Set(book.quiet());
  const shownUntil = new Map<string, Instant>();
  const counted = metrics.counter('isthmus_agent_undone_writes_total', 'Writes of the agent that others undid.', ['kind']);

  /** Differences that others made, each with its manager. */
  function changes(object: string, intent: KubernetesObject, current: KubernetesObject | undefined): readonly DriftEntry[] {
    const own = remembered.get(object);
    const wanted = said(intent);
    if (own !== undefined && current !== undefined) {
      if (isFromBefore(current, own)) return [];
      if (!own.cameBack) remembered.set(object, { ...own, cameBack: true });
    }
    const same = own?.intent === digest(canonicalJson(wanted));
    const now = clock.now();
    if (current === undefined) {
      // Gone, though it had come back to us.
      return same && own?.cameBack === true ? [{ object, path: '', expected: `sha256:${own.intent}`, actual: 'absent', manager: 'unknown', firstSeen: now, reason: 'PutBack' }] : [];
    }
    const { differences } = diffFields(wanted, current, digest, MOST_PATHS);
    const authors = differences.length === 0 ? {} : authorsOf(current);
    return differences.flatMap(({ path, members, expected, actual }): DriftEntry[] => {
      const owners = ownersOf(current, members);
      const other = owners.find((manager) => manager !== fieldManager);
      // Nobody owns it: somebody deleted it, or we have never written it.
      const deleted = owners.length === 0 && same;
      if (other === undefined && !deleted) return [];
      const manager = other ?? lastOther(current, fieldManager) ?? 'unknown';
      return [{ object, path, expected, actual, manager, firstSeen: now, reason: 'PutBack', ...authors[manager] }];
    });
  }

  return {
    look(object, intent, current) {
      const found = changes(object, intent, current);
      const [first] = found;
      const now = clock.now();
      if (first === undefined) {
        const until = shownUntil.get(object);
        if (until === undefined) return {};
        if (now < until) return { lookAgainAt: until };
        shownUntil.delete(object);
        book.put(object, []);
        return {};
      }
      if (!open.has(object)) {
        open.add(object);
        const { manager } = first;
        const contention = book.undone(object, manager);
        counted.inc({ kind: object.split(' ')[0] ?? '' });
        log.warn({ object, path: first.path, manager, times: contention.undoneAt.length, withinSeconds: CONTENTION.withinSeconds }, contention.rounds > 0 ? 'another controller undoes our writes again and again; we wait longer and longer' : 'somebody changed what follows live facts; it is put back');
      }
      const contention = book.contention(object);
      shownUntil.set(object, now + SHOWN_SECONDS * 1000);
      book.put(object, found.map((entry) => (contention === undefined ? entry : { ...entry, reason: 'Contended' as const })));
      if (contention !== undefined && now < contention.quietUntil) return { quietUntil: contention.quietUntil };
      return { lookAgainAt: now + SHOWN_SECONDS * 1000 };
    },
    wrote(object, intent, before, after) {
      open.delete(object);
      const unchanged = after.metadata.resourceVersion === before?.metadata.resourceVersion;
      const own = remembered.get(object);
      // It only was so, and is what we wrote since.
      if (unchanged && own !== undefined && isFromBefore(after, own)) return;
      remembered.set(object, { ...wroteAs(after), intent: digest(canonicalJson(said(intent))), cameBack: unchanged && (own?.cameBack ?? true) });
    },
    isGone(object, current) {
      const own = remembered.get(object);
      return own !== undefined && isReplaced(current, own);
    },
    removed(object, was) {
      remembered.set(object, { ...wroteAs(was, true), cameBack: false });
      open.delete(object);
      if (shownUntil.delete(object)) book.put(object, []);
    },
  };
}
