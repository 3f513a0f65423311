/** Limits of every connection and of TLS, in one place. An idle connection with them costs a server about 105 KB (measured with 8,000). */
import { constants } from 'node:crypto';
import type { ChannelOptions } from '@grpc/grpc-js';
import { MAX_MESSAGE_BYTES } from '../../../mesh/api/codec/bounds.ts';
import { LONGEST_SILENCE } from '../../../mesh/ports/transport.ts';
import type { TurnLimits } from './handshake-turns.ts';

const SHARED = {
  'grpc.keepalive_time_ms': LONGEST_SILENCE.askedAfterSeconds * 1000,
  'grpc.keepalive_timeout_ms': LONGEST_SILENCE.answeredWithinSeconds * 1000,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // Channelz keeps a record of every connection.
  'grpc.enable_channelz': 0,
} as const satisfies ChannelOptions;

export const SERVER_OPTIONS: ChannelOptions = {
  ...SHARED,
  // A removed root or a revoked certificate does not cut a connection that exists: age does (plus 10 % jitter, added by grpc-js).
  'grpc.max_connection_age_ms': 3_600_000,
  'grpc.max_connection_age_grace_ms': 30_000,
  // Health probes leave connections without a call behind; an agent's always has one.
  'grpc.max_connection_idle_ms': 300_000,
  'grpc.max_concurrent_streams': 16,
  // Megabytes that nghttp2 may hold for one connection; grpc-js's own default is no limit.
  'grpc-node.max_session_memory': 32,
};

export const CLIENT_OPTIONS: ChannelOptions = {
  ...SHARED,
  'grpc.use_local_subchannel_pool': 1,
  // Retries would buffer what is written and hide back-pressure; callers retry with fresh state.
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2000,
};

/** TLS 1.3 only, and no resumption: a resumed session would skip the check of a client certificate that has expired since. */
export const TLS_OPTIONS = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET } as const;

export const HANDSHAKE_TIMEOUT_MILLISECONDS = 10_000;
export const MAX_CONNECTIONS = 10_000;
/** Connections that the kernel may hold while we are busy; beyond them it drops a caller's first packets, and seconds pass until the caller repeats them. */
export const CONNECTION_BACKLOG = 2048;
/** At 300 handshakes a second, the last of those that wait is let in after 7 s. */
export const HANDSHAKE_TURNS: TurnLimits = { atOnce: 32, waiting: 2000, turnMilliseconds: 1000, silenceMilliseconds: HANDSHAKE_TIMEOUT_MILLISECONDS };
export const UNARY_DEADLINE_MILLISECONDS = 10_000;
/** From dialling to the first word over Sync. Longer than a busy hub lets a connection wait for its turn: who gives up sooner has cost it work and stands last in line again. */
export const SYNC_ANSWER_MILLISECONDS = 60_000;
export const PEER_DEADLINE_MILLISECONDS = 2000;

/** In the initial metadata of Sync, both ways: the types that the sender publishes, with commas. Versions that publish the first types only do not send it. */
export const SYNC_TYPES_HEADER = 'isthmus-sync-types';
