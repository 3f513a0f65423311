/** Clusters join, leave and move in a small world whose agents are killed between any two of their writes, and whose hub comes and goes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PeeringState } from '../model/desired.ts';
import { DRAIN_SECONDS } from '../model/mesh-ids.ts';
import { heldBack, movedPeers, peersReadIn } from './moved.ts';
import { type LetGo, type Order, orderPeering } from './order.ts';
import { parseEntry, peersIn } from './parse.ts';
import { renderPeering } from './peering.ts';
import { leftBehind, type MeshMounts, worthMaking } from './presence.ts';
import { usersIn } from './revoked.ts';
import { PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH, REMOTE_USERS } from './words.ts';

const NAMES = ['berlin', 'oslo', 'rome', 'virginia'];
const DRAIN = DRAIN_SECONDS * 1000;
const OBJECTS = [REMOTE_USERS, PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH] as const;
const MOUNTS: Readonly<Record<string, MeshMounts>> = {
  berlin: { users: 'Required', requiredSecrets: [] }, oslo: { users: 'Optional', requiredSecrets: [] },
  rome: { users: 'NotMounted', requiredSecrets: [] }, virginia: { users: 'Required', requiredSecrets: [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH] },
};
type Data = Readonly<Record<string, string>>;

/** What is on `disk` outlives an agent, and all else is lost with it. One that was killed hears nothing until its next pass. */
interface Agent {
  /** Where each peer is, by the plan. */
  desired: ReadonlyMap<string, string> | null;
  disk: ReadonlyMap<string, Data>;
  opened: ReadonlyMap<string, string>;
  letGo: LetGo;
  killed: boolean;
  emptySince: number | undefined;
}

class SmallWorld {
  now = 0;
  hub = true;
  readonly agents = new Map<string, Agent>(NAMES.map((name) => [name, { desired: null, disk: new Map(), opened: new Map(), letGo: {}, killed: false, emptySince: undefined }]));
  readonly places = new Map(NAMES.map((name) => [name, `${name}-0.example`]));
  /** Places where nobody answers. */
  readonly dead = new Set<string>();
  private readonly everOpened = new Set<string>();
  private readonly everRead = new Set<string>();
  private readonly goneSince = new Map<string, number>();

  at(name: string): Agent { return this.agents.get(name)!; }
  entries(reader: string): Data { return this.at(reader).disk.get(PEERS_OF_KVSTOREMESH) ?? {}; }
  reads(reader: string, name: string): boolean { return [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH].some((secret) => name in (this.at(reader).disk.get(secret) ?? {})); }
  users(name: string): readonly string[] { return usersIn({ data: this.at(name).disk.get(REMOTE_USERS) ?? {} }); }

  peering(name: string): PeeringState | null {
    const { desired } = this.at(name);
    return desired === null ? null : {
      clusterName: name, clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.19.6', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
      peers: [...desired].map(([peer, address], index) => ({ name: peer, clusterId: index + 2, endpoint: { address, port: 2379 } })),
    };
  }

  /** `steps`: so many writes, and then the agent is killed. */
  pass(name: string, steps: number): void {
    const agent = this.at(name);
    const peering = this.peering(name);
    const mounts = MOUNTS[name]!;
    const moved = peering === null ? new Map<string, Data>() : movedPeers(renderPeering(peering)[1]!.data, this.entries(name));
    // What was seen of one who is not asked any more counts no longer.
    agent.opened = new Map();
    for (const [peer, place] of agent.desired ?? []) {
      if (!this.users(peer).includes(name) || this.dead.has(place) || (peer in this.entries(name) && !moved.has(peer))) continue;
      agent.opened = new Map([...agent.opened, [peer, place]]);
      this.everOpened.add(`${name} ${peer} ${place}`);
    }
    agent.killed = false;
    const users = this.users(name);
    const { entries, held, keeps, letGo } = this.order(name, new Set(moved.keys()));
    agent.letGo = letGo;
    agent.emptySince = users.length > 0 || !agent.disk.has(REMOTE_USERS) ? undefined : agent.emptySince ?? this.now;
    const kept = keeps.map(({ cluster }) => cluster);
    const objects = peering === null
      ? leftBehind({ namespace: 'kube-system', ours: new Set(agent.disk.keys()), users: kept, drains: kept.length > 0, mounts, emptySince: agent.emptySince ?? this.now, now: this.now }).objects
      : worthMaking(heldBack(
        renderPeering({ ...peering, peers: peering.peers.filter((peer) => entries.includes(peer.name)), readers: [...peering.peers.map((peer) => peer.name), ...kept].sort() }),
        PEERS_OF_KVSTOREMESH, new Map(held.map((peer) => [peer, moved.get(peer)!])), undefined,
      ), { names: new Set(agent.disk.keys()), mounts });
    for (const [index, object] of OBJECTS.entries()) {
      if (index === steps) {
        Object.assign(agent, { opened: new Map(), letGo: {}, killed: true, emptySince: undefined });
        return;
      }
      const data = objects.find((one) => one.name === object)?.data;
      const before = agent.disk;
      agent.disk = new Map([...before].filter(([one]) => one !== object).concat(data === undefined ? [] : [[object, data]]));
      this.check(name, before);
      this.tell();
    }
  }

  private order(name: string, moved: ReadonlySet<string>): Order {
    const agent = this.at(name);
    return orderPeering({
      desired: this.peering(name), standing: new Set(peersReadIn(OBJECTS.map((object) => ({ kind: 'Secret', data: agent.disk.get(object) ?? {} })))), opened: new Set([...agent.opened].filter(([peer, place]) => agent.desired?.get(peer) === place).map(([peer]) => peer)),
      problems: new Map(), moved, users: this.users(name), letGo: agent.letGo, isCutOff: () => false, now: this.now,
      reads: (other) => (this.hub ? this.reads(other, name) || this.at(other).desired?.has(name) === true : undefined),
    });
  }

  /** Whoever lives is told at once who reads it, and when the hub goes. */
  tell(): void {
    for (const [name, agent] of this.agents) if (!agent.killed) agent.letGo = this.order(name, new Set()).letGo;
  }

  private check(writer: string, before: ReadonlyMap<string, Data>): void {
    const { disk } = this.at(writer);
    const mounts = MOUNTS[writer]!;
    for (const object of [...mounts.requiredSecrets, ...mounts.users === 'Required' ? [REMOTE_USERS] : []]) {
      if (before.has(object) && !disk.has(object)) throw new Error(`${object} of ${writer} is gone, and its pods do not start without it`);
    }
    for (const secret of [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH]) {
      if (!before.has(secret) && disk.has(secret) && !mounts.requiredSecrets.includes(secret) && peersIn({ data: disk.get(secret)! }).length === 0) throw new Error(`${secret} of ${writer} was made for nothing`);
    }
    for (const [peer, text] of Object.entries(this.entries(writer))) {
      const place = parseEntry(text)!.endpoints[0]!.replace(/^https:\/\/|:2379$/g, '');
      if (!this.everOpened.has(`${writer} ${peer} ${place}`)) throw new Error(`${writer} was led to ${place}, which never opened itself`);
    }
    // Whoever has an entry has a user where it leads, and one that went has it for as long as it drains.
    for (const reader of NAMES) {
      for (const name of NAMES) {
        const pair = `${reader} ${name}`;
        if (this.reads(reader, name)) { this.everRead.add(pair); this.goneSince.delete(pair); }
        else if (!this.goneSince.has(pair)) this.goneSince.set(pair, this.now);
        const had = this.reads(reader, name) || (this.everRead.has(pair) && this.now - this.goneSince.get(pair)! < DRAIN);
        if (had && !this.users(name).includes(reader)) throw new Error(`at ${this.now} ${reader} reads ${name} without a user`);
      }
    }
  }
}

type Step = { readonly kind: 'pass'; readonly steps: number[] } | { readonly kind: 'desire'; readonly members: string[]; readonly whom: string[] }
  | { readonly kind: 'move'; readonly name: string; readonly to: number; readonly answers: boolean; readonly whom: string[] } | { readonly kind: 'time'; readonly passes: number } | { readonly kind: 'hub'; readonly there: boolean };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), steps: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: NAMES.length, maxLength: NAMES.length }) }),
  fc.record({ kind: fc.constant('desire' as const), members: fc.subarray(NAMES), whom: fc.subarray(NAMES) }),
  fc.record({ kind: fc.constant('move' as const), name: fc.constantFrom(...NAMES), to: fc.integer({ min: 0, max: 2 }), answers: fc.boolean(), whom: fc.subarray(NAMES) }),
  fc.record({ kind: fc.constant('time' as const), passes: fc.integer({ min: 1, max: DRAIN }) }),
  fc.record({ kind: fc.constant('hub' as const), there: fc.boolean() }),
);

/** Found by this test once. */
const found: [string[], Step[], string[]][] = [
  // A reader comes and goes while the one that lets it go is down.
  [['oslo', 'rome'], [{ kind: 'desire', members: [], whom: ['oslo', 'rome'] }, { kind: 'pass', steps: [0, 3, 3, 0] }, { kind: 'time', passes: 17_941 }, { kind: 'desire', members: ['oslo', 'rome'], whom: ['oslo'] }, { kind: 'time', passes: 27_059 }, { kind: 'pass', steps: [0, 2, 0, 0] }], []],
  // One of two Secrets is written when the peer goes where nobody answers.
  [['oslo', 'rome'], [{ kind: 'desire', members: ['berlin', 'virginia'], whom: ['berlin', 'virginia'] }, { kind: 'pass', steps: [1, 0, 0, 2] }, { kind: 'move', name: 'berlin', to: 1, answers: false, whom: ['virginia'] }, { kind: 'pass', steps: [0, 0, 0, 3] }], []],
];

test('whoever is killed at whatever step, nobody reads without a user or is led astray, no pod misses what it needs, and in the end all is as it is to be', () => {
  fc.assert(fc.property(fc.subarray(NAMES, { minLength: 2 }), fc.array(step, { maxLength: 20, size: 'max' }), fc.subarray(NAMES), (first, steps, last) => {
    const world = new SmallWorld();
    // Stages: not everyone is told of a change at once.
    const desire = (members: readonly string[], whom: readonly string[]): void => {
      for (const name of whom) world.at(name).desired = members.includes(name) ? new Map(members.filter((other) => other !== name).map((other) => [other, world.places.get(other)!])) : null;
    };
    const settle = (rounds: number): void => { for (let round = 0; round < rounds; round += 1) { for (const name of NAMES) world.pass(name, 9); world.now += DRAIN / 4; } };
    desire(first, NAMES);
    settle(2);
    for (const one of steps) {
      if (one.kind === 'pass') for (const [index, name] of NAMES.entries()) world.pass(name, one.steps[index]!);
      else if (one.kind === 'desire') desire(one.members, one.whom);
      else if (one.kind === 'time') world.now += one.passes;
      else if (one.kind === 'hub') world.hub = one.there;
      else {
        const place = `${one.name}-${one.to}.example`;
        world.places.set(one.name, place);
        if (one.answers) world.dead.delete(place);
        else world.dead.add(place);
        for (const name of one.whom) { const { desired } = world.at(name); if (desired?.has(one.name) === true) world.at(name).desired = new Map([...desired, [one.name, place]]); }
      }
      world.tell();
    }
    const had = new Map(NAMES.map((name) => [name, new Set(world.at(name).disk.keys())]));
    world.hub = true;
    world.dead.clear();
    desire(last, NAMES);
    settle(14);
    for (const name of NAMES) {
      const others = last.includes(name) ? last.filter((other) => other !== name) : [];
      expect(world.users(name)).toEqual(others);
      expect(Object.entries(world.entries(name)).map(([peer, text]) => [peer, parseEntry(text)?.endpoints])).toEqual(others.map((peer) => [peer, [`https://${world.places.get(peer)}:2379`]]));
      const { users, requiredSecrets } = MOUNTS[name]!;
      const stays = (object: string): boolean => world.at(name).disk.has(object);
      if (last.includes(name)) expect(stays(REMOTE_USERS)).toBe(true);
      else {
        expect(stays(REMOTE_USERS)).toBe(users === 'Required' && had.get(name)!.has(REMOTE_USERS));
        for (const secret of [PEERS_OF_AGENTS, PEERS_OF_KVSTOREMESH]) expect(stays(secret)).toBe(requiredSecrets.includes(secret) && had.get(name)!.has(secret));
      }
    }
  }), { numRuns: 100, examples: found });
});
