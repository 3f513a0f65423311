/** How serious a cluster's drift is, and what follows: class, hold, alert. Pure; the only clock is `now`. */
import { celLanguage } from '../model/cel.ts';
import type { DriftEntry } from '../model/desired.ts';
import { DRIFT_ACTIONS, type ClassifiedDrift, type DriftClass, type DriftDecisionValue, type DriftPolicyValue, type DriftVerdict } from '../model/drift.ts';
import { type Instant, toRfc3339 } from '../model/instant.ts';
import { compareText, sortedByName } from '../model/order.ts';
import { matchesSelector, selectorProblem, type SelectorSubject } from '../model/selector.ts';
import { decisionFor } from './decisions.ts';

/** What holds where no policy selects a cluster. */
export const DEFAULT_POLICY: Omit<DriftPolicyValue, 'name'> = {
  clusters: {}, rules: [], transientSeconds: 300, holdSeconds: 604_800, actions: { acceptable: 'ignore', transient: 'wait', suspicious: 'hold', dangerous: 'alert' },
};

/** A rule may ask for the age, and nothing else says when its answer changes. */
const AGE_STEP_MILLISECONDS = 60_000;

interface RuleSubject {
  readonly entry: DriftEntry;
  readonly ageSeconds: number;
  readonly cluster: SelectorSubject;
}

const DRIFT_MEMBERS = ['object', 'kind', 'path', 'manager', 'actor', 'reason', 'ageSeconds'];
const anything = (): undefined => undefined;

const language = celLanguage<RuleSubject>({
  variables: {
    drift: (member) => (DRIFT_MEMBERS.includes(member) ? undefined : `is not there; drift has ${DRIFT_MEMBERS.join(', ')}`),
    cluster: (member) => (member === 'name' ? undefined : 'is not there; a cluster has a name here, and labels and properties beside it'),
    labels: anything, properties: anything,
  },
  bind: ({ entry, ageSeconds, cluster }) => ({
    drift: new Map<string, string | bigint>([
      ['object', entry.object], ['kind', entry.object.split(' ')[0] ?? ''], ['path', entry.path], ['manager', entry.manager],
      ['actor', entry.actor ?? ''], ['reason', entry.reason ?? 'Changed'], ['ageSeconds', BigInt(ageSeconds)],
    ]),
    cluster: new Map([['name', cluster.name]]),
    labels: new Map(Object.entries(cluster.labels)),
    properties: new Map(cluster.properties.map(({ name, value }) => [name, value])),
  }),
});

/** What is wrong with a policy whatever it is asked about; empty: valid. */
export function policyProblems({ clusters, rules }: Pick<DriftPolicyValue, 'clusters' | 'rules'>): string[] {
  const selector = selectorProblem(clusters);
  return [
    ...(selector === undefined ? [] : [`spec.clusters: ${selector}; until then the policy selects no cluster`]),
    ...rules.flatMap(({ match }, index) => {
      const program = language.compile(match);
      return 'problem' in program ? [`spec.rules[${index}].match: ${program.problem}; until then what reaches this rule is suspicious`] : [];
    }),
  ];
}

/** The first by name that selects the cluster. */
const policyOf = (policies: readonly DriftPolicyValue[], cluster: SelectorSubject): DriftPolicyValue | undefined =>
  sortedByName(policies).find(({ clusters }) => selectorProblem(clusters) === undefined && matchesSelector(clusters, cluster));

/** A rule that cannot be evaluated must not let a later, milder one judge: what reaches it is suspicious. */
function classOf(policy: Omit<DriftPolicyValue, 'name'>, subject: RuleSubject): { readonly class: DriftClass; readonly problem?: string } {
  for (const [index, rule] of policy.rules.entries()) {
    const program = language.compile(rule.match);
    const answer = 'problem' in program ? program : program.evaluate(subject);
    if (typeof answer !== 'boolean') return { class: 'suspicious', problem: `spec.rules[${index}].match: ${answer.problem} (${subject.entry.object} in ${subject.cluster.name})` };
    if (answer) return { class: rule.class };
  }
  return { class: subject.entry.reason === 'PutBack' ? 'transient' : 'suspicious' };
}

const holds = ({ action, decision }: ClassifiedDrift): boolean => decision === null && (action === 'hold' || action === 'alert');
const subjectText = ({ object, path, manager, actor, reason, class: class_ }: ClassifiedDrift): string => {
  const who = actor ?? manager;
  const what = reason === 'Contended' ? `is written again and again by ${who}, against us` : path === '' ? `is not what we wrote (${who})` : `was changed by ${who}`;
  return `${object}${path === '' ? '' : ` ${path}`} ${what} (${class_})`;
};
const andMore = (count: number): string => (count > 1 ? `, and ${count - 1} more` : '');

export function judgeDrift(
  { cluster, entries, omitted, policies, decisions, now }: {
    readonly cluster: SelectorSubject; readonly entries: readonly DriftEntry[]; readonly omitted: number;
    readonly policies: readonly DriftPolicyValue[]; readonly decisions: readonly DriftDecisionValue[]; readonly now: Instant;
  },
): DriftVerdict {
  const policy = entries.length === 0 ? undefined : policyOf(policies, cluster);
  const rules = policy ?? DEFAULT_POLICY;
  const problems: { policy: string; message: string }[] = [];
  const wakes: Instant[] = [];
  const judged = [...entries].sort((a, b) => compareText(a.object, b.object) || compareText(a.path, b.path)).map((entry): ClassifiedDrift => {
    // A clock of an agent that is ahead must not make a hold longer.
    const firstSeen = Math.min(entry.firstSeen, now);
    const found = classOf(rules, { entry, ageSeconds: Math.floor((now - firstSeen) / 1000), cluster });
    if (found.problem !== undefined && policy !== undefined) problems.push({ policy: policy.name, message: found.problem });
    if (rules.rules.some(({ match }) => match.includes('ageSeconds'))) wakes.push(now + AGE_STEP_MILLISECONDS);
    const transientEnds = firstSeen + rules.transientSeconds * 1000;
    const over = found.class === 'transient' && now >= transientEnds;
    if (found.class === 'transient' && !over) wakes.push(transientEnds);
    const class_ = over ? 'suspicious' : found.class;
    const action = rules.actions[class_];
    const decision = decisionFor(decisions, cluster.name, entry)?.name ?? null;
    const isHeld = decision === null && (action === 'hold' || action === 'alert');
    const heldUntil = isHeld ? firstSeen + rules.holdSeconds * 1000 : null;
    if (heldUntil !== null && heldUntil > now) wakes.push(heldUntil);
    return { ...entry, firstSeen, class: class_, action, heldUntil, holdExpired: heldUntil !== null && heldUntil <= now, policy: policy?.name ?? null, decision };
  });
  const holding = judged.filter(holds);
  return {
    entries: judged, omitted, problems, alert: alertOf(holding),
    held: heldText(holding) ?? (omitted === 0 ? null : `${omitted} more changes by others than its agent names, and what is not known is not harmless; decide on those that "isthmus drift list" shows`),
    wakeAt: wakes.length === 0 ? null : Math.min(...wakes),
  };
}

function heldText(holding: readonly ClassifiedDrift[]): string | null {
  const [first] = holding;
  if (first === undefined) return null;
  const until = first.holdExpired ? 'the hold has expired: decide' : `until ${toRfc3339(first.heldUntil ?? 0)}, or until somebody decides`;
  return `${subjectText(first)}${andMore(holding.length)}; ${until} with "isthmus drift accept" or "isthmus drift revert"`;
}

function alertOf(holding: readonly ClassifiedDrift[]): DriftVerdict['alert'] {
  const alert = (reason: NonNullable<DriftVerdict['alert']>['reason'], found: readonly ClassifiedDrift[], after: string): DriftVerdict['alert'] => {
    const [first] = found;
    return first === undefined ? null : { reason, message: `${subjectText(first)}${andMore(found.length)}${after}` };
  };
  const loud = holding.filter(({ action }) => action === 'alert');
  return alert('HoldExpired', holding.filter(({ holdExpired }) => holdExpired), '; nobody decided in time, and nothing is overwritten: accept it or revert it')
    ?? alert('Contended', loud.filter(({ reason }) => reason === 'Contended'), '')
    ?? alert('DangerousDrift', loud, '');
}

/** Nothing of it keeps a cluster from counting as what it is to be: all is ignored or waited for. */
export const isTolerated = (verdict: DriftVerdict): boolean =>
  verdict.omitted === 0 && verdict.entries.every(({ action }) => DRIFT_ACTIONS.indexOf(action) <= DRIFT_ACTIONS.indexOf('wait'));
