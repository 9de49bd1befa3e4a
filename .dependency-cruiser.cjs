// Which package may import which (ARCHITECTURE.md). tests/arch/rules.test.ts plants violations and
// checks that each rule still fires.
const layers = { abi: [], state: ['abi'], time: ['abi', 'state'], vfs: ['abi', 'state', 'time'], 'cpu-worker': ['abi'], kernel: ['abi', 'state', 'time', 'vfs', 'cpu-worker'], cli: ['abi', 'time', 'vfs', 'kernel'] };

const layerRules = Object.entries(layers).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `packages/${name} may import ${allowed.join(', ') || 'no other package'}`,
  severity: 'error',
  from: { path: `^(tests/arch/planted/)?packages/${name}/` },
  to: { path: '^(tests/arch/planted/)?packages/([^/]+)/', pathNot: `^(tests/arch/planted/)?packages/(${[name, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    { name: 'no-circular', severity: 'error', from: { path: '^(tests/arch/planted/)?packages/' }, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'rows-are-independent', comment: 'instruction and system call row files never import each other', severity: 'error', from: { path: '/rows/[^/]+[.]ts$' }, to: { path: '/rows/[^/]+[.]ts$' } },
    { name: 'no-kernel-in-core', comment: 'the core workers know nothing of the kernel', severity: 'error', from: { path: '^(tests/arch/planted/)?packages/cpu-worker/' }, to: { path: '^(tests/arch/planted/)?packages/(kernel|vfs|cli)/' } },
    { name: 'rxjs-at-the-edges', comment: 'rxjs stays off system call paths', severity: 'error', from: { path: '^(tests/arch/planted/)?packages/(vfs|cpu-worker|abi)/|/syscall/' }, to: { path: 'rxjs' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules)/' },
    tsConfig: { fileName: 'tsconfig.cruise.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'], extensions: ['.ts', '.js', '.mjs'] },
  },
};
