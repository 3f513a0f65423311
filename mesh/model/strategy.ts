/** How a change goes through a fleet, as values: stages, groups, budgets, gates, failure policy. */
import type { MetricGateValue } from './metric-gate.ts';
import type { ClusterSelector } from './selector.ts';

/** So many clusters, or `10%` of those that the stage (or group, or run) has. */
export type Amount = number | string;

/** Clusters of a stage that have bounds of their own; groups of a stage go side by side. */
interface GroupValue {
  readonly name: string;
  readonly clusters: ClusterSelector;
  readonly maxConcurrency?: Amount;
  readonly maxFailures?: Amount;
  /** As of a stage, which does not pass without it. Absent: 0, for groups of a stage stand for each other. */
  readonly minDone?: Amount;
}

/** Exactly one of the kinds is set. */
export interface GateValue {
  /** Unique among the gates of its stage and side. */
  readonly name: string;
  /** So many distinct people, none of them the run's author. `groups` empty: anybody who may create Approvals. */
  readonly approval?: { readonly count: number; readonly groups: readonly string[] };
  readonly metric?: MetricGateValue;
  readonly waitUntil?: { readonly at: string };
  /** Passes on `{"decision": "pass"}`, fails on `"fail"`, is asked again on `"wait"`. */
  readonly webhook?: { readonly url: string; readonly intervalSeconds: number; readonly timeoutSeconds: number; readonly failureLimit: number; /** As of a metric gate. */ readonly authSecret?: string };
  /** A Job made in the hub's cluster from a Job named here as a template (suspended); its completion passes, its failure fails. */
  readonly job?: { readonly namespace: string; readonly template: string; readonly deadlineSeconds: number };
}

export interface StageValue {
  readonly name: string;
  readonly clusters: ClusterSelector;
  /** A cluster goes into the first that selects it; one that none selects is in the stage alone. Absent: no groups. */
  readonly groups?: readonly GroupValue[];
  /** Label, property or fact: clusters go in ascending order of its value (numbers as numbers), then by name; those without it last. Absent: by name. */
  readonly orderBy?: string;
  /** Clusters in flight at once. Percentages are rounded down, to 1 at least. */
  readonly maxConcurrency: Amount;
  /** More failed clusters than this trigger `onFailure`. Percentages are rounded down. Absent: 0. */
  readonly maxFailures?: Amount;
  /** Clusters disturbed at once: in flight, failed by the run and not back, or failing before it and still. Absent: maxConcurrency and maxFailures together, and the failures that a person accepted. Clusters that go back do so whatever this says. */
  readonly maxUnavailable?: Amount;
  /**
   * The next stage, and gates after this one, wait for so many of its clusters to be done in this run, whoever is away. Percentages are rounded up; clusters that are gone, and failures that a person
   * accepted, are not asked for. 0: a stage that is away as a whole is passed over. Absent: 1. Not asked of the last stage that has clusters: nothing follows it.
   */
  readonly minDone?: Amount;
  /** How long a cluster must stay healthy on the new state before it counts as done. */
  readonly soakSeconds: number;
  /** How long the stage as a whole must stay healthy after its last cluster was done. Absent: 0. */
  readonly stageSoakSeconds?: number;
  /** Absent: the strategy's. */
  readonly progressDeadlineSeconds?: number;
  /** Pass before the first cluster of the stage is assigned, or after its last one is done; those of one side are asked at once. A stage without targets asks none. */
  readonly before?: readonly GateValue[];
  readonly after?: readonly GateValue[];
}

/** `Pause`: nothing new begins until a person resumes. `Stop`: what is pending is skipped. `RollBack…`: the failed cluster, the whole stage, or all that the run changed goes back; the rest as with Stop, but `RollBackCluster` goes on within maxFailures. */
export const FAILURE_POLICIES = ['Pause', 'Stop', 'RollBackCluster', 'RollBackStage', 'RollBackRun'] as const;
export type FailurePolicy = (typeof FAILURE_POLICIES)[number];

/** Frozen into a run at its start. Clusters that no stage selects form a last stage, `remaining`, one at a time. */
export interface StrategyValue {
  readonly name: string;
  readonly stages: readonly StageValue[];
  readonly progressDeadlineSeconds: number;
  /** Over all stages. Absent: no bound but the stages'. */
  readonly maxConcurrency?: Amount;
  readonly maxFailures?: Amount;
  /** Clusters of all stages disturbed at once, counted as a stage counts them. Absent: no bound but the stages'. */
  readonly maxUnavailable?: Amount;
  /** Absent: Stop. */
  readonly onFailure?: FailurePolicy;
  /** How fast clusters go back; health of those that are back is awaited, soak is not. Absent: as the stage has it. */
  readonly rollback?: { readonly maxConcurrency: Amount; readonly progressDeadlineSeconds?: number };
  /** Clusters that no stage selects. Absent: `Last`, one at a time after all stages. */
  readonly remaining?: 'Last' | 'Skip';
  /** Clusters may go back to a state that they had and were healthy on within this time without soak; budgets hold. Absent: never. */
  readonly fastRollbackSeconds?: number;
}
