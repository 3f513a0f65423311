/** JSON logs by pino: one object a line on standard error, so that standard output stays a program's own answer. */
import { pino, stdSerializers } from 'pino';
import type { Log } from '../../mesh/ports/log.ts';
import type { LogLevel } from './log-levels.ts';

export type { LogLevel } from './log-levels.ts';

/** Field names whose values never leave the process, wherever in a log line they stand (three levels deep). */
const SECRET_FIELDS = ['token', 'secret', 'joinToken', 'keyPem', 'password', 'authorization', 'data', 'stringData'];

export function createLog(level: LogLevel, component: string): Log {
  return pino(
    {
      level,
      base: { component },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.err },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
