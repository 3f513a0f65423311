/** Rows of which little is looked at, as those of a past moment: what nobody asks for is never read. They say the same as those of `rowOf`. */
import type { ClusterFields } from '../model/cluster-fields.ts';
import { fromRfc3339, type Instant } from '../model/instant.ts';
import { compareText } from '../model/order.ts';
import { lazyFactsOf } from './row-facts.ts';
import { fieldReader, type FleetRow, isProperty } from './row.ts';

/** For rows that are made one after another: most of their times are the same few. */
export function createLazyRows(): (name: string, fields: ClusterFields) => FleetRow {
  let [lastText, lastInstant]: [string, Instant | undefined] = ['', undefined];
  const instantOf = (text: string): Instant | undefined => {
    if (text !== lastText) [lastText, lastInstant] = [text, fromRfc3339(text)];
    return lastInstant;
  };

  return (name, fields) => {
    const names = Object.keys(fields);
    const read = fieldReader(fields);
    const time = (field: string, member: string): Instant | undefined => {
      const text = Object.hasOwn(fields, field) ? timeText(fields[field]!, member) : undefined;
      const at = text === undefined ? undefined : instantOf(text);
      if (at !== undefined) return at;
      const value = read(field);
      const found = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>)[member] : undefined;
      return typeof found === 'string' ? fromRfc3339(found) : undefined;
    };
    let labels: Record<string, string> | undefined;
    let properties: FleetRow['properties'] | undefined;
    return {
      name,
      get labels() {
        if (labels === undefined) {
          labels = {};
          for (const field of names.filter((one) => one.startsWith('labels.')).sort(compareText)) {
            const value = read(field);
            if (typeof value === 'string') labels[field.slice(7)] = value;
          }
        }
        return labels;
      },
      get properties() {
        return properties ??= names.filter((field) => field.startsWith('properties.')).sort(compareText).flatMap((field) => {
          const property = propertyIn(fields[field]!) ?? read(field);
          return !isProperty(property) ? [] : [{ name: field.slice(11), value: property.value, source: property.source, observedAt: instantOf(property.observedAt) ?? 0 }];
        });
      },
      facts: lazyFactsOf(read, time, names),
    };
  };
}

interface Property { readonly value: string; readonly source: 'declared' | 'observed'; readonly observedAt: string }

/** As they are recorded, but for texts with something escaped. */
const PROPERTY = /^\{"observedAt":"([^"\\]*)","source":"(declared|observed)","value":"([^"\\]*)"\}$/;

function propertyIn(text: string): Property | undefined {
  const match = PROPERTY.exec(text);
  return match === null ? undefined : { observedAt: match[1]!, source: match[2] as Property['source'], value: match[3]! };
}

const TIME = '2026-01-31T12:00:00.000Z'.length;

/** The time that a canonical JSON object begins with, without reading the rest; `undefined`: it is to be read as a whole. */
function timeText(text: string, member: string): string | undefined {
  const from = member.length + 5;
  const to = from + TIME;
  return text[to] === '"' && text[to - 1] === 'Z' && text.startsWith(`{"${member}":"`) && text.endsWith('}') && text.indexOf('"', from) === to ? text.slice(from, to) : undefined;
}
