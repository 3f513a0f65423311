/** Who may make which call, by service and method as the `.proto` files name them. */
import { type Caller, GATEWAY_CALLERS, PEER_CALLERS } from '../../../mesh/api/authorization.ts';

export const RULES: Readonly<Record<string, Readonly<Record<string, Caller>>>> = { Gateway: GATEWAY_CALLERS, Peer: PEER_CALLERS };
