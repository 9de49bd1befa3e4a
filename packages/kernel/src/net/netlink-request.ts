/** What requests to the kernel bring, by netlink protocol. */
import { NetlinkProtocol } from '@troupe/abi';
import type { Task } from '../task/task.js';
import { handleGeneric, isGenericDump } from './generic-requests.js';
import type { NetlinkRequest } from './netlink-message.js';
import type { NetlinkSocket } from './netlink-socket.js';
import { handleRoute, isDump } from './route-requests.js';

/** The messages of an answer, or -errno. */
export type NetlinkAnswer = readonly Uint8Array[] | number;

export interface NetlinkSender {
  readonly socket: NetlinkSocket;
  readonly task: Task;
  /** CAP_NET_ADMIN over the socket's network namespace, and over everything. */
  readonly isAdmin: boolean;
  readonly isAdminOfAll: boolean;
}

export interface RequestKind {
  readonly handle: (request: NetlinkRequest, sender: NetlinkSender) => NetlinkAnswer;
  /** Its answer ends with NLMSG_DONE: it needs no acknowledgement. */
  readonly isDump: (request: NetlinkRequest) => boolean;
}

export const REQUEST_KINDS: Readonly<Record<number, RequestKind>> = {
  [NetlinkProtocol.ROUTE]: { handle: (request, { isAdmin, socket }) => handleRoute(socket.namespace, request, isAdmin), isDump },
  [NetlinkProtocol.GENERIC]: { handle: handleGeneric, isDump: isGenericDump },
};
