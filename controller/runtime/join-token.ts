/** The text that `isthmus join` prints and an agent redeems: everything it needs to reach the hub and to know it. */
import { z } from 'zod';

const PREFIX = 'isthmus-join-v1.';

const contentSchema = z.object({
  cluster: z.string(),
  /** `host:port` of the hub's gateway. */
  hub: z.string(),
  trustDomain: z.string(),
  /** PEM of the hub's root certificates: the agent trusts nothing else. */
  ca: z.string(),
  /** 32 random bytes, base64url. */
  secret: z.string(),
});

export type JoinTokenContent = z.infer<typeof contentSchema>;

/** One line of text; whoever has it may join as that cluster, so it is never logged. */
export function encodeJoinToken(content: JoinTokenContent): string {
  return PREFIX + Buffer.from(JSON.stringify(content)).toString('base64url');
}

/** A sentence where the text is no join token. Never quotes the text: it holds a secret. */
export function decodeJoinToken(text: string): JoinTokenContent | { readonly problem: string } {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX)) return { problem: `join token: does not begin with "${PREFIX}"; copy the whole token that "isthmus join CLUSTER" printed` };
  try {
    return contentSchema.parse(JSON.parse(Buffer.from(trimmed.slice(PREFIX.length), 'base64url').toString('utf8')));
  } catch {
    return { problem: 'join token: is damaged or cut short; copy the whole token again, or make a new one with "isthmus join CLUSTER"' };
  }
}
