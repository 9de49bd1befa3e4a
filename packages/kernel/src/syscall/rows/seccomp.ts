/** seccomp(2). */
import { Errno, SECCOMP_DATA_BYTES, SECCOMP_NOTIF_BYTES, SECCOMP_NOTIF_RESP_BYTES, SeccompAction, SeccompFlag, SeccompOp } from '@troupe/abi';
import { addFilter, setStrict } from '../../seccomp/install.js';
import type { Task } from '../../task/task.js';
import { addr, choice, flags, type SyscallRow } from '../row.js';

const ACTIONS = new Set<number>(Object.values(SeccompAction));

function sysSeccomp(task: Task, operation: number, flagBits: number, args: number): number {
  switch (operation) {
    case SeccompOp.SET_MODE_STRICT:
      return flagBits !== 0 || args !== 0 ? -Errno.EINVAL : setStrict(task);
    case SeccompOp.SET_MODE_FILTER:
      return addFilter(task, flagBits, args);
    case SeccompOp.GET_ACTION_AVAIL:
      if (flagBits !== 0) return -Errno.EINVAL;
      return ACTIONS.has(task.mm.readI32(args)) ? 0 : -Errno.EOPNOTSUPP;
    case SeccompOp.GET_NOTIF_SIZES:
      if (flagBits !== 0) return -Errno.EINVAL;
      [SECCOMP_NOTIF_BYTES, SECCOMP_NOTIF_RESP_BYTES, SECCOMP_DATA_BYTES].forEach((bytes, index) => task.mm.writeU16(args + index * 2, bytes));
      return 0;
    default:
      return -Errno.EINVAL;
  }
}

const symbols = (prefix: string, table: Record<string, number>): (readonly [string, number])[] => Object.entries(table).map(([name, value]) => [`${prefix}${name}`, value] as const);

export const rows: readonly SyscallRow[] = [
  {
    nr: 317, name: 'seccomp', args: [choice('operation', symbols('SECCOMP_', SeccompOp)), flags('flags', symbols('SECCOMP_FILTER_FLAG_', SeccompFlag)), addr('args')],
    groups: ['%process'], support: 'full', man: 'seccomp(2)', handler: sysSeccomp,
  },
];
