/** Generic netlink, its controller and the family of task statistics (linux/genetlink.h, linux/taskstats.h version 13). */
import { struct } from '../layout/struct.js';

export const GENLMSGHDR = struct('genlmsghdr', { cmd: 'u8', version: 'u8', reserved: 'u16' }, 4);
export const GENL_ID_CTRL = 0x10;
/** First number that a family gets when it does not ask for one. */
export const GENL_FIRST_FREE_ID = 0x13;
export const GenlOp = { ADMIN_PERM: 1, DO: 2, DUMP: 4, HASPOL: 8 } as const;
export const CtrlCmd = { NEWFAMILY: 1, GETFAMILY: 3 } as const;
export const CtrlAttr = { FAMILY_ID: 1, FAMILY_NAME: 2, VERSION: 3, HDRSIZE: 4, MAXATTR: 5, OPS: 6 } as const;
export const CtrlOpAttr = { ID: 1, FLAGS: 2 } as const;

export const TASKSTATS_VERSION = 13;
export const TASKSTATS_GENL_VERSION = 1;
export const TaskstatsCmd = { GET: 1, NEW: 2 } as const;
export const TaskstatsType = { PID: 1, TGID: 2, STATS: 3, AGGR_PID: 4, AGGR_TGID: 5 } as const;
export const TaskstatsAttr = { PID: 1, TGID: 2, REGISTER_CPUMASK: 3, DEREGISTER_CPUMASK: 4 } as const;
/** ac_flag (linux/acct.h): has forked without exec, was killed by a signal, was the last of its process. */
export const AcctFlag = { FORK: 1, SIGNAL: 0x10, GROUP: 0x20 } as const;

const align8 = (type: 'u8' | 'u32'): { bytes: number; align: number } => ({ bytes: type === 'u8' ? 1 : 4, align: 8 });

export const TASKSTATS = struct('taskstats', {
  version: 'u16', exitCode: 'u32', flag: 'u8', nice: 'u8',
  cpuCount: 'u64', cpuDelayTotal: 'u64', blkioCount: 'u64', blkioDelayTotal: 'u64', swapinCount: 'u64', swapinDelayTotal: 'u64', cpuRunRealTotal: 'u64', cpuRunVirtualTotal: 'u64',
  comm: { bytes: 32, align: 1 }, sched: align8('u8'), pad: ['u8', 3], uid: align8('u32'), gid: 'u32', pid: 'u32', ppid: 'u32', btime: 'u32',
  etimeUs: 'u64', utimeUs: 'u64', stimeUs: 'u64', minflt: 'u64', majflt: 'u64', coremem: 'u64', virtmem: 'u64', hiwaterRssKib: 'u64', hiwaterVmKib: 'u64',
  readChar: 'u64', writeChar: 'u64', readSyscalls: 'u64', writeSyscalls: 'u64', readBytes: 'u64', writeBytes: 'u64', cancelledWriteBytes: 'u64', nvcsw: 'u64', nivcsw: 'u64',
  utimeScaled: 'u64', stimeScaled: 'u64', cpuScaledRunRealTotal: 'u64', freepagesCount: 'u64', freepagesDelayTotal: 'u64', thrashingCount: 'u64', thrashingDelayTotal: 'u64',
  btime64: 'u64', compactCount: 'u64', compactDelayTotal: 'u64', tgid: 'u32', tgetimeUs: 'u64', exeDev: 'u64', exeInode: 'u64', wpcopyCount: 'u64', wpcopyDelayTotal: 'u64',
});
