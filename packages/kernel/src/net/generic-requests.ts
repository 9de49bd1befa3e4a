/** NETLINK_GENERIC: families of requests, found by name through the controller (linux/genetlink.h). */
import { CtrlAttr, CtrlCmd, CtrlOpAttr, Errno, GENLMSGHDR, GENL_FIRST_FREE_ID, GENL_ID_CTRL, GenlOp, NlmFlag, Nlmsg, TASKSTATS_GENL_VERSION, TaskstatsCmd } from '@troupe/abi';
import { attribute, attributesIn, message, stringBytes, textOf, u16Bytes, u32Bytes, viewOf, type NetlinkHeader, type NetlinkRequest } from './netlink-message.js';
import type { NetlinkAnswer, NetlinkSender } from './netlink-request.js';
import { answerTaskstats } from './task-stats.js';

type Attributes = ReadonlyMap<number, Uint8Array>;

interface Operation {
  readonly cmd: number;
  /** GENL_* bits. */
  readonly flags: number;
  readonly run: (request: NetlinkRequest, attributes: Attributes, sender: NetlinkSender) => NetlinkAnswer;
}

interface Family {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly operations: readonly Operation[];
}

const FAMILIES: readonly Family[] = [
  { id: GENL_ID_CTRL, name: 'nlctrl', version: 2, operations: [{ cmd: CtrlCmd.GETFAMILY, flags: GenlOp.DO | GenlOp.DUMP | GenlOp.HASPOL, run: getFamily }] },
  { id: GENL_FIRST_FREE_ID, name: 'TASKSTATS', version: TASKSTATS_GENL_VERSION, operations: [{ cmd: TaskstatsCmd.GET, flags: GenlOp.ADMIN_PERM | GenlOp.DO | GenlOp.HASPOL, run: answerTaskstats }] },
];
const CTRL_VERSION = 2;

function familyMessage(header: NetlinkHeader, { id, name, operations, version }: Family): Uint8Array {
  const entries = operations.map(({ cmd, flags }, index) => attribute(index + 1, Buffer.concat([attribute(CtrlOpAttr.ID, u32Bytes(cmd)), attribute(CtrlOpAttr.FLAGS, u32Bytes(flags))])));
  return message(
    header, Uint8Array.of(CtrlCmd.NEWFAMILY, CTRL_VERSION, 0, 0), attribute(CtrlAttr.FAMILY_NAME, stringBytes(name)), attribute(CtrlAttr.FAMILY_ID, u16Bytes(id)), attribute(CtrlAttr.VERSION, u32Bytes(version)),
    attribute(CtrlAttr.HDRSIZE, u32Bytes(0)), attribute(CtrlAttr.MAXATTR, u32Bytes(0)), attribute(CtrlAttr.OPS, Buffer.concat(entries)),
  );
}

function getFamily(request: NetlinkRequest, attributes: Attributes): NetlinkAnswer {
  const { pid, seq, type } = request;
  if (isGenericDump(request)) {
    const header = { type, flags: NlmFlag.MULTI, seq, pid };
    return [Buffer.concat([...FAMILIES.map((family) => familyMessage(header, family)), message({ ...header, type: Nlmsg.DONE }, u32Bytes(0))])];
  }
  const id = attributes.get(CtrlAttr.FAMILY_ID);
  const name = attributes.get(CtrlAttr.FAMILY_NAME);
  if (id === undefined && name === undefined) return -Errno.EINVAL;
  if (id !== undefined && id.length < 2) return -Errno.ERANGE;
  const found = FAMILIES.find((family) => (name === undefined ? family.id === viewOf(id!).getUint16(0, true) : family.name === textOf(name)));
  return found === undefined ? -Errno.ENOENT : [familyMessage({ type, flags: 0, seq, pid }, found)];
}

export const isGenericDump = ({ flags }: NetlinkRequest): boolean => (flags & NlmFlag.DUMP) === NlmFlag.DUMP;

export function handleGeneric(request: NetlinkRequest, sender: NetlinkSender): NetlinkAnswer {
  const family = FAMILIES.find(({ id }) => id === request.type);
  if (family === undefined) return -Errno.ENOENT;
  const { body } = request;
  if (body.length < GENLMSGHDR.sizeBytes) return -Errno.EINVAL;
  const operation = family.operations.find(({ cmd }) => cmd === body[GENLMSGHDR.off.cmd]);
  if (operation === undefined) return -Errno.EOPNOTSUPP;
  if ((operation.flags & GenlOp.ADMIN_PERM) !== 0 && !sender.isAdminOfAll) return -Errno.EPERM;
  if (isGenericDump(request) && (operation.flags & GenlOp.DUMP) === 0) return -Errno.EOPNOTSUPP;
  return operation.run(request, attributesIn(body.subarray(GENLMSGHDR.sizeBytes)), sender);
}
