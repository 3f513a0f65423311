/** Verdicts on peers: wire ↔ model. */
import { LONGEST_VERDICT_TEXT, MAX_FIGURES, MAX_VERDICT_REASONS, type PeerVerdict } from '../../model/peer-verdict.ts';
import type * as wire from '../gen/isthmus/v1/cluster.ts';
import { instant, list, name, text, wholeNumber } from './bounds.ts';
import { colours } from './unions.ts';

export const verdictToWire = (verdict: PeerVerdict): wire.PeerVerdict => ({
  ...verdict, colour: colours.toWire(verdict.colour), reasons: verdict.reasons.map((reason) => ({ ...reason })), question: verdict.question ?? '', figures: { ...verdict.figures },
});

export const verdictFromWire = (field: string, verdict: wire.PeerVerdict): PeerVerdict => ({
  cluster: name(`${field}.cluster`, verdict.cluster),
  peer: name(`${field}.peer`, verdict.peer),
  colour: colours.fromWire(`${field}.colour`, verdict.colour),
  reasons: list(`${field}.reasons`, verdict.reasons, MAX_VERDICT_REASONS).map(({ code, text: sentence }, index) => ({
    code: text(`${field}.reasons[${index}].code`, name(`${field}.reasons[${index}].code`, code), 64), text: text(`${field}.reasons[${index}].text`, sentence, LONGEST_VERDICT_TEXT),
  })),
  since: instant(`${field}.since`, verdict.since),
  at: instant(`${field}.at`, verdict.at),
  ...(verdict.question === '' ? {} : { question: name(`${field}.question`, verdict.question) }),
  figures: Object.fromEntries(list(`${field}.figures`, Object.entries(verdict.figures), MAX_FIGURES).map(([key, value]) => [text(`${field}.figures`, key, 64), wholeNumber(`${field}.figures.${key}`, value, 0, Number.MAX_SAFE_INTEGER)])),
});
