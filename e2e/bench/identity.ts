/** Figures of identity, each beside its baseline in the same run: signing, handshakes, a hub that comes back, a fleet that renews. */
import { measureHandshakes } from './identity/handshakes.ts';
import { measureAfterReissue, measureRenewals } from './identity/renewals.ts';
import { measureRejoin, NotAllBack } from './identity/rejoin.ts';
import { rotationFigures } from './identity/rotation.ts';
import { measureSigning } from './identity/signing.ts';
import { milliseconds, number, ratio, table } from './kube/figures.ts';
import { type Print, withServers } from './with-servers.ts';

export interface IdentityBenchSizes {
  readonly milliseconds: number;
  readonly agents: number;
  readonly clusters: number;
  /** Whether npm is asked for the baseline. */
  readonly peculiar: boolean;
}

const FULL: IdentityBenchSizes = { milliseconds: 2000, agents: 1000, clusters: 10_000, peculiar: true };
const goal = (text: string, met: boolean): string => `  goal: ${text}: ${met ? 'met' : 'MISSED'}`;
/** `openssl speed` and R4's own measurement count a core as one; so do we. */
const LEAST_SIGNED = 3000;
const LEAST_RATIO = 5;
const MOST_BUNCHED = 2;
const ROTATING_AGENTS = 200;
const LONGEST_REJOIN_SECONDS = 30;

async function signingFigures(sizes: IdentityBenchSizes, print: Print): Promise<void> {
  const { issued, signed, peculiar, forgeRsa } = await measureSigning(sizes.milliseconds, sizes.peculiar);
  print('\n== certificates in a second of one core; baselines: @peculiar/x509 from the same requests to the same extensions, node-forge\'s own X.509 (RSA, without a request)');
  const [perCore, perSecond] = [(rate: { readonly perCoreSecond: number }) => number(rate.perCoreSecond), (rate: { readonly perSecond: number }) => number(rate.perSecond)];
  print(table([
    ['', 'a second of a core', 'a second', 'issued/this'],
    ['  issued from a request', perCore(issued), perSecond(issued), '–'],
    ['  signed alone', perCore(signed), perSecond(signed), '–'],
    'problem' in peculiar ? ['  @peculiar/x509', '–', '–', '–'] : ['  @peculiar/x509', perCore(peculiar), perSecond(peculiar), ratio(issued.perCoreSecond, peculiar.perCoreSecond)],
    ['  node-forge, RSA 2048', perCore(forgeRsa), perSecond(forgeRsa), ratio(issued.perCoreSecond, forgeRsa.perCoreSecond)],
  ]));
  if ('problem' in peculiar) print(`  left out: ${peculiar.problem}`);
  print(goal(`${LEAST_SIGNED} certificates in a second of a core`, issued.perCoreSecond >= LEAST_SIGNED));
  for (const [name, baseline] of [['@peculiar/x509', peculiar], ['node-forge RSA', forgeRsa]] as const) if (!('problem' in baseline)) print(goal(`${LEAST_RATIO} times ${name}`, issued.perCoreSecond >= LEAST_RATIO * baseline.perCoreSecond));
}

async function handshakeFigures(sizes: IdentityBenchSizes, print: Print): Promise<void> {
  const handshakes = await measureHandshakes(2 * sizes.milliseconds);
  print('\n== connections to the gateway, certificates on both sides, TLS 1.3 without tickets, one call on each; the clients run beside it in another process');
  print(table([
    ['', 'a second', 'a second of the hub\'s processor', 'p50', 'p99'],
    ['  handshakes', number(handshakes.perSecond), number(handshakes.perCoreSecond), milliseconds(handshakes.p50), milliseconds(handshakes.p99)],
  ]));
}

async function rejoinFigures(sizes: IdentityBenchSizes, print: Print): Promise<void> {
  print(`\n== a hub that is killed and started again under ${sizes.agents} agents, which run in one process beside it`);
  try {
    const rejoin = await measureRejoin(sizes.agents);
    print(table([
      ['', 'hub ready', 'all heard', 'since ready', 'processor of the hub', 'of the agents'],
      ['  from its start', `${number(rejoin.firstReady)} s`, `${number(rejoin.all)} s`, `${number(rejoin.allSinceReady)} s`, `${number(rejoin.hubProcessorSeconds)} s`, `${number(rejoin.agentsProcessorSeconds)} s`],
    ]));
    for (const [reason, times] of Object.entries(rejoin.failures)) print(`  ${times} × ${reason}`);
    print(goal(`all back within ${LONGEST_REJOIN_SECONDS} s of its start`, rejoin.all <= LONGEST_REJOIN_SECONDS));
  } catch (error) {
    if (!(error instanceof NotAllBack)) throw error;
    print(`  left out: ${error.message}; this machine has too much else to do`);
  }
}

function renewalFigures(sizes: IdentityBenchSizes, print: Print): void {
  const quiet = measureRenewals(sizes.clusters);
  const reissued = [0, 1, 7].map((days) => ({ days, ...measureAfterReissue(sizes.clusters, days) }));
  print(`\n== renewals of ${sizes.clusters} clusters in 24 virtual hours, by quarters of an hour`);
  print(table([
    ['', 'renewals', 'mean', 'most', 'most/mean'],
    ['  joined over a day', String(quiet.renewals), number(quiet.mean), String(quiet.most), ratio(quiet.most, quiet.mean)],
    ...reissued.map(({ days, renewals, mean, most }) => [`  all issued within a minute, ${days} d ago`, String(renewals), number(mean), String(most), ratio(most, mean)]),
  ]));
  print(goal(`never more than ${MOST_BUNCHED} times the mean`, [quiet, ...reissued].every(({ most, mean }) => most <= MOST_BUNCHED * mean)));
}

const PARTS: Readonly<Record<string, (sizes: IdentityBenchSizes, print: Print) => void | Promise<void>>> = {
  signing: signingFigures, handshakes: handshakeFigures, rejoin: rejoinFigures, renewals: renewalFigures, rotation: (_sizes, print) => rotationFigures(ROTATING_AGENTS, print),
};

/** All but the rotation, which has a test of its own. */
export async function identityFigures(sizes: IdentityBenchSizes, print: Print): Promise<void> {
  await signingFigures(sizes, print);
  await handshakeFigures(sizes, print);
  await rejoinFigures(sizes, print);
  renewalFigures(sizes, print);
}

/** `npm run bench -- identity [PART …]`: all parts, or those. */
export const bench = (): Promise<void> => withServers(async (_hasReal, print) => {
  const wanted = process.argv.slice(3);
  const unknown = wanted.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown !== undefined) throw new Error(`identity: there is no part ${JSON.stringify(unknown)}; give some of: ${Object.keys(PARTS).join(', ')}`);
  for (const [name, part] of Object.entries(PARTS)) if (wanted.length === 0 || wanted.includes(name)) await part(FULL, print);
});
