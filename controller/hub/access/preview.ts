/** What an AccessPolicy would let through and stop: destinations and sources say who is there, the rules are judged as Cilium judges them. */
import type { AccessAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { AccessObservation, AccessRule } from '../../../mesh/model/access.ts';
import { parseCiliumVersion } from '../../../mesh/model/cilium-version.ts';
import type { ClusterView } from '../../../mesh/model/cluster.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { listed } from '../../../mesh/model/listed.ts';
import type { Answer, Question } from '../../../mesh/model/sync.ts';
import { compileAccess } from '../../../mesh/policy/compile.ts';
import { type AccessPreviewRow, destinationsOf, type Holder, previewAccess, type Sources } from '../../../mesh/policy/preview.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { messageOf, AdvisedError } from '../../runtime/errors.ts';
import type { Fleet } from '../gateway/fleet.ts';
import { type Answers, WrongQuery } from '../inquiry/answers.ts';
import { clusterViews, currentPlan, type PlanSources } from '../mesh/current-plan.ts';
import { accessPolicyValue } from '../views.ts';

interface Parts {
  readonly clock: Clock;
  readonly sources: PlanSources;
  readonly fleet: Pick<Fleet, 'connection'>;
  readonly ask: (cluster: string, question: Question, signal: CancelSignal) => Promise<Answer>;
}

/** Agents are asked at once, and one answer holds what they say: whoever has more destinations asks of some. */
const MOST_HOLDERS = 16;
const MOST_ASKED = 64;
const MOST_ROWS = 2000;
const NAMED = 5;
/** Cilium's default since 1.19 (documentation, "Preparing for a policy-default-local-cluster change"); the setting is there since 1.18. */
const LOCAL_BY_DEFAULT_MINOR = 19;

const UNSEEN = 'this goes by the pods that there are, not by who really calls: traffic from outside the clusters, from nodes and from load balancers is not among the rows, and where a destination denies by default it is denied as well, but for what the node itself sends';

export function accessAnswers({ sources, fleet, ask }: Parts): Pick<Answers, 'access'> {
  const viewOf = (views: readonly ClusterView[], name: string): ClusterView | undefined => views.find((one) => one.name === name);
  const label = (view: ClusterView | undefined, name: string): string => view?.report?.cilium?.clusterName ?? name;

  return {
    async access({ name, spec, remove = false, cluster }, { id, signal }): Promise<AccessAnswer> {
      const objects = sources.accessPolicies.list();
      const known = objects.find(({ metadata }) => metadata.name === name);
      if (spec === undefined && known === undefined) throw new AdvisedError('user', `AccessPolicy "${name}": there is no such policy; "kubectl get accesspolicies" lists them, and "isthmus access preview -f FILE" shows one that nobody has made`);
      const value = accessPolicyValue({ metadata: { name }, spec: spec ?? known?.spec });
      if (value.problem !== undefined) throw new WrongQuery(`AccessPolicy "${name}": ${value.problem}`);
      const views = clusterViews(sources);
      const before = sources.assignments.access();
      const policies = [...objects.filter((one) => one !== known).map(accessPolicyValue), ...(remove ? [] : [value])];
      const compiled = compileAccess(policies, views, before);
      const rulesOf = (rules: ReadonlyMap<string, readonly AccessRule[]>, of: string): readonly AccessRule[] => rules.get(of) ?? [];
      const concerns = (rules: ReadonlyMap<string, readonly AccessRule[]>, of: string): boolean => rulesOf(rules, of).some(({ policy }) => policy === name);
      const all = [...new Set([...compiled.rules.keys(), ...before.keys()])].filter((of) => concerns(compiled.rules, of) || concerns(before, of)).sort();
      if (cluster !== undefined && !all.includes(cluster)) throw new AdvisedError('user', `AccessPolicy "${name}": is not for cluster "${cluster}"; it is for ${all.length === 0 ? 'none' : listed(all, NAMED)}`);
      const holders = cluster === undefined ? all.slice(0, MOST_HOLDERS) : [cluster];

      const peers = peersOf(sources, holders);
      const reachable = new Map(holders.map((holder) => [holder, [holder, ...(peers.get(holder) ?? [])].sort()]));
      const asked = [...new Set([...holders, ...[...reachable.values()].flat()])].slice(0, MOST_ASKED);
      const restsOn: string[] = [];
      const seen = new Map<string, AccessObservation>();
      await Promise.all(asked.map(async (one) => {
        const question = destinationsOf([...rulesOf(before, one), ...rulesOf(compiled.rules, one)]);
        try {
          if (fleet.connection(one)?.connected !== true) throw new AdvisedError('user', 'its agent is not connected');
          const { access } = await ask(one, { id: `${id}-${one}`, dnsName: '', dnsType: '', access: question }, signal);
          if (access === undefined) throw new AdvisedError('user', 'its agent is of a version that does not say');
          seen.set(one, access);
        } catch (error) {
          if (!(error instanceof AdvisedError)) throw error;
          restsOn.push(`nothing is known of the pods of ${one}: ${messageOf(error)}`);
        }
      }));
      for (const [one, { problems, sourcesOmitted, targetsOmitted }] of [...seen].sort(([a], [b]) => (a < b ? -1 : 1))) {
        restsOn.push(...problems.map((problem) => `${one}: ${problem}`));
        if (sourcesOmitted + targetsOmitted > 0) restsOn.push(`${one}: ${Math.max(sourcesOmitted, targetsOmitted)} pods of smaller groups are left out`);
      }
      const unasked = [...new Set([...reachable.values()].flat())].filter((one) => !asked.includes(one));
      if (unasked.length > 0) restsOn.push(`pods of ${listed(unasked, NAMED)} were not asked for: ask of fewer destinations with --cluster`);
      if (cluster === undefined && holders.length < all.length) restsOn.push(`only the first ${holders.length} of ${all.length} destinations are shown: name others with --cluster`);

      const rows = holders.flatMap((one) => {
        const observation = seen.get(one);
        if (observation === undefined) return [];
        const view = viewOf(views, one);
        const settings = view?.report?.cilium?.settings;
        const holder: Holder = {
          name: one, around: { cluster: label(view, one), defaultLocalCluster: isLocalByDefault(view) }, enforcement: enforcementOf(settings?.['enable-policy']),
          before: rulesOf(before, one), after: rulesOf(compiled.rules, one), seen: observation,
        };
        for (const { namespace, policies: count } of observation.others) restsOn.push(`${one}: ${count} ${count === 1 ? 'policy' : 'policies'} of others ${namespace === '' ? 'for the whole cluster' : `in namespace ${namespace}`} may let more through, or stop more: what rests on them is Unknown`);
        const from = (reachable.get(one) ?? []).flatMap((of): Sources[] => {
          const groups = seen.get(of)?.sources;
          return groups === undefined ? [] : [{ cluster: of, label: label(viewOf(views, of), of), groups }];
        });
        return previewAccess(holder, from, new Set([name]));
      });
      return { policy: name, clusters: holders, ...told(rows), conflicts: compiled.policies.find(({ policy }) => policy === name)?.conflicts.map(({ message }) => message) ?? [], restsOn: [...restsOn, UNSEEN] };
    },
  };
}

function told(rows: readonly AccessPreviewRow[]): Pick<AccessAnswer, 'rows' | 'rowsOmitted' | 'totals'> {
  const isUnknown = ({ today, tomorrow }: AccessPreviewRow): boolean => today === 'Unknown' || tomorrow === 'Unknown';
  const changes = ({ today, tomorrow }: AccessPreviewRow): boolean => today !== tomorrow;
  const sorted = [...rows.filter((row) => changes(row) && !isUnknown(row)), ...rows.filter(isUnknown), ...rows.filter((row) => !changes(row) && !isUnknown(row))];
  const sum = (is: (row: AccessPreviewRow) => boolean): number => rows.filter(is).length;
  return {
    rows: sorted.slice(0, MOST_ROWS), rowsOmitted: Math.max(0, sorted.length - MOST_ROWS),
    totals: {
      stopped: sum((row) => row.today === 'Allowed' && row.tomorrow === 'Denied'), letThrough: sum((row) => row.today === 'Denied' && row.tomorrow === 'Allowed'),
      unchanged: sum((row) => !changes(row) && !isUnknown(row)), unknown: sum(isUnknown),
    },
  };
}

/** Whose identities a cluster knows: it reads them from its peers. */
function peersOf(sources: PlanSources, holders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return new Map(currentPlan(sources).desired.filter(({ cluster }) => holders.includes(cluster)).map(({ cluster, content }) => [cluster, (JSON.parse(content) as DesiredState).peering?.peers.map((peer) => peer.name) ?? []]));
}

const enforcementOf = (text: string | undefined): Holder['enforcement'] => (text === 'always' || text === 'never' ? text : 'default');

function isLocalByDefault(view: ClusterView | undefined): boolean {
  const setting = view?.report?.cilium?.settings?.['policy-default-local-cluster'];
  const version = parseCiliumVersion(view?.report?.cilium?.version ?? '');
  return setting === undefined ? (version?.major ?? 1) > 1 || (version?.minor ?? 0) >= LOCAL_BY_DEFAULT_MINOR : setting === 'true';
}
