/** Import directions: docs/architecture.md, "Who may import whom". Every rule has a planted violation in e2e/layout/layout.test.ts. */
const mesh = ['model', 'inventory', 'plan', 'cilium', 'rollout', 'drift', 'failover', 'dns', 'drill', 'services', 'bundle', 'trust', 'policy', 'verify'];
const notTests = '[.]test[.]ts$|/testing/';
/** Files of the model that may use the CEL library. */
const cel = '^mesh/model/cel(-check|-selector)?[.]ts$';
/** Files that may use the library of recurrence rules. */
const recurring = '^mesh/rollout/windows/';
const decisions = mesh.filter((name) => name !== 'model');

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports-resolve', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'mesh-model-imports-itself', severity: 'error',
      comment: 'Values know nothing but values; what a CEL expression means is the one exception, below.',
      from: { path: '^mesh/model/', pathNot: `${notTests}|${cel}` }, to: { pathNot: '^mesh/model/' },
    },
    {
      name: 'mesh-model-cel-imports', severity: 'error',
      comment: 'docs/decisions/0014: selectors are values, and their CEL is part of them. The library is pure.',
      from: { path: cel }, to: { pathNot: '^mesh/model/|node_modules/@bufbuild/cel/' },
    },
    {
      name: 'mesh-decisions-import-model', severity: 'error',
      comment: 'Decisions never import each other; values pass through mesh/model.',
      from: { path: `^mesh/(${decisions.join('|')})/`, pathNot: `${notTests}|${recurring}` }, to: { pathNot: '^mesh/(model|$1)/' },
    },
    {
      name: 'mesh-windows-imports', severity: 'error',
      comment: 'docs/decisions/0016: when a window recurs is counted by a library. It is pure: time zones are those of the runtime.',
      from: { path: recurring, pathNot: notTests }, to: { pathNot: '^mesh/(model|rollout)/|node_modules/rrule-temporal/' },
    },
    {
      name: 'recurrence-only-in-windows', severity: 'error',
      from: { path: '^(mesh|certs|controller)/', pathNot: `${notTests}|${recurring}` }, to: { path: 'node_modules/rrule-temporal/' },
    },
    {
      name: 'mesh-ports-import-model', severity: 'error',
      from: { path: '^mesh/ports/', pathNot: notTests }, to: { pathNot: '^mesh/(model|ports)/' },
    },
    {
      name: 'mesh-api-imports', severity: 'error',
      from: { path: '^mesh/api/', pathNot: notTests }, to: { pathNot: '^mesh/(api|model|ports)/|node_modules/(zod|@bufbuild)/' },
    },
    {
      name: 'certs-imports', severity: 'error',
      from: { path: '^certs/', pathNot: notTests }, to: { pathNot: '^certs/|^mesh/(model|ports)/|node_modules/(node-forge|@types/node-forge|zod)/|^(node:)?(crypto|net)$' },
    },
    {
      name: 'runtime-has-no-edges', severity: 'error',
      comment: 'The runtime reaches the world through ports only.',
      from: { path: '^controller/runtime/', pathNot: notTests }, to: { pathNot: '^controller/runtime/|^mesh/|node_modules/zod/' },
    },
    {
      name: 'hub-and-agent-shells', severity: 'error',
      comment: 'Shells import decisions, certs and the runtime; only main.ts imports adapters.',
      from: { path: '^controller/(hub|agent)/', pathNot: `${notTests}|/main[.]ts$` },
      to: { path: '^controller/(adapters|embedded|cli|demo)/' },
    },
    { name: 'hub-not-agent', severity: 'error', from: { path: '^controller/hub/', pathNot: notTests }, to: { path: '^controller/agent/' } },
    { name: 'agent-not-hub', severity: 'error', from: { path: '^controller/agent/', pathNot: notTests }, to: { path: '^controller/hub/' } },
    {
      name: 'edges-only-in-adapters', severity: 'error',
      comment: 'Sockets, files, processes, databases and the client libraries are touched in controller/adapters alone (and by main.ts, the CLI, the demo and the embedded API\'s own server).',
      from: { path: '^controller/', pathNot: `${notTests}|^controller/(adapters|cli|demo)/|^controller/embedded/(server/|main[.]ts$)|/main[.]ts$` },
      to: { path: 'node_modules/(@kubernetes|@grpc|undici|pg|kysely|pino|prom-client)/|^(node:)?(fs|net|dgram|http|https|http2|tls|crypto|child_process|timers|sqlite|os|process)(/|$)' },
    },
    {
      name: 'client-libraries-only-in-adapters', severity: 'error',
      from: { path: '^(controller|certs|mesh)/', pathNot: `${notTests}|^controller/adapters/` },
      to: { path: 'node_modules/(@kubernetes|@grpc|undici|pg|kysely|pino|prom-client)/|^(node:)?sqlite$' },
    },
    { name: 'nothing-imports-e2e', severity: 'error', from: { path: '^(mesh|certs|controller)/', pathNot: '[.]test[.]ts$' }, to: { path: '^e2e/' } },
    { name: 'product-imports-no-tests', severity: 'error', from: { path: '^(mesh|certs|controller)/', pathNot: notTests }, to: { path: '[.]test[.]ts$|/testing/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)[.]build/' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: { extensions: ['.ts', '.js', '.json'], exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
