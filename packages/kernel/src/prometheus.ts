/**
 * Kernel metrics for Prometheus, through prom-client: an optional peer dependency, needed only by who
 * imports this module (`@troupe/kernel/prometheus`).
 */
import { Counter, Gauge, register as defaultRegistry, type Registry } from 'prom-client';
import type { Kernel } from './api/kernel.js';
import type { KernelMetrics } from './api/metrics.js';

export interface PrometheusOptions {
  /** Default: prom-client's global one. */
  readonly registry?: Registry;
  /** Default `troupe_`. */
  readonly prefix?: string;
  /** Put on every metric, for example the name of the kernel. */
  readonly labels?: Readonly<Record<string, string>>;
}

interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Label of the values; absent: one value. */
  readonly label?: string;
  readonly read: (metrics: KernelMetrics) => number | Readonly<Record<string, number>>;
}

const mapValues = <T>(record: Readonly<Record<string, T>>, value: (entry: T) => number): Record<string, number> =>
  Object.fromEntries(Object.entries(record).map(([key, entry]) => [key, value(entry)]));

const SOURCES: readonly Source[] = [
  { name: 'syscalls_total', help: 'System calls made', type: 'counter', label: 'syscall', read: ({ syscalls }) => mapValues(syscalls, ({ calls }) => calls) },
  { name: 'syscall_errors_total', help: 'System calls that failed', type: 'counter', label: 'syscall', read: ({ syscalls }) => mapValues(syscalls, ({ errors }) => errors) },
  { name: 'unimplemented_syscalls_total', help: 'System calls that the kernel does not have', type: 'counter', label: 'syscall', read: ({ unimplemented }) => unimplemented },
  { name: 'page_faults_total', help: 'Page faults handled', type: 'counter', read: ({ pageFaults }) => pageFaults },
  { name: 'context_switches_total', help: 'Tasks taken onto a core', type: 'counter', read: ({ contextSwitches }) => contextSwitches },
  { name: 'instructions_total', help: 'Guest instructions retired', type: 'counter', read: ({ instructions }) => instructions },
  { name: 'forks_total', help: 'Tasks made by clone', type: 'counter', read: ({ forks }) => forks },
  { name: 'tasks', help: 'Tasks that are not reaped', type: 'gauge', label: 'state', read: ({ tasks }) => tasks },
  { name: 'memory_used_bytes', help: 'Frames in use', type: 'gauge', read: ({ memory }) => memory.usedBytes },
  { name: 'memory_limit_bytes', help: 'Bound of guest memory', type: 'gauge', read: ({ memory }) => memory.limitBytes },
  { name: 'address_spaces', help: 'Address spaces', type: 'gauge', read: ({ memory }) => memory.addressSpaces },
];

/** Registers the kernel's metrics; they are read when the registry is. Returns what takes them out again. */
export function registerKernelMetrics(kernel: Kernel, options: PrometheusOptions = {}): () => void {
  const { registry = defaultRegistry, prefix = 'troupe_', labels = {} } = options;
  const names = SOURCES.map((source) => registerSource(kernel, source, { registry, prefix, labels }));
  return () => {
    for (const name of names) registry.removeSingleMetric(name);
  };
}

function registerSource(kernel: Kernel, { name, help, type, label, read }: Source, { registry, prefix, labels }: Required<PrometheusOptions>): string {
  const configuration = { name: `${prefix}${name}`, help, labelNames: [...Object.keys(labels), ...(label === undefined ? [] : [label])], registers: [registry] };
  const values = (): [Record<string, string>, number][] => {
    const value = read(kernel.metrics());
    return typeof value === 'number' ? [[labels, value]] : Object.entries(value).map(([key, count]) => [{ ...labels, [label!]: key }, count]);
  };
  const metric = type === 'gauge' ? new Gauge(configuration) : new Counter(configuration);
  Object.assign(metric, {
    collect: () => {
      metric.reset();
      for (const [set, count] of values()) metric.inc(set, count);
    },
  });
  return configuration.name;
}
