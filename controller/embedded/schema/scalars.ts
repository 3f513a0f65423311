/** Rules of texts and numbers. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { invalidValue, tooLong } from '../problems.ts';
import { hasFormat } from './formats.ts';

export function checkText(schema: StructuralSchema, value: string, path: string, causes: StatusCause[]): void {
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) causes.push(tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) causes.push(invalidValue(path, value, `${path} in body should be at least ${schema.minLength} chars long`));
  if (schema.pattern !== undefined && !compilePattern(schema.pattern).test(value)) causes.push(invalidValue(path, value, `${path} in body should match '${schema.pattern}'`));
  if (schema.format !== undefined && !hasFormat(schema.format, value)) {
    // Bytes may be a secret's: never quoted.
    const shown = schema.format === 'byte' ? '…' : value;
    causes.push({ ...invalidValue(path, shown, `${path} in body must be of type ${schema.format}: ${JSON.stringify(shown)}`), reason: 'FieldValueTypeInvalid' });
  }
}

const patterns = new Map<string, RegExp>();
/** Throws where JavaScript cannot read the pattern. Patterns come from our own definitions and from CRDs that an administrator posts; each is compiled once. */
export function compilePattern(pattern: string): RegExp {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    compiled = new RegExp(pattern);
    if (patterns.size > 1000) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled;
}

/** Bounds of the formats, as numbers: 64 bits are more than JSON numbers hold exactly, so their end is left out. */
const RANGES: Readonly<Record<string, (value: number) => boolean>> = {
  int32: (value) => value >= -(2 ** 31) && value < 2 ** 31,
  int64: (value) => value >= -(2 ** 63) && value < 2 ** 63,
};

export function checkNumber(schema: StructuralSchema, value: number, path: string, causes: StatusCause[]): void {
  const { minimum, maximum, multipleOf, format } = schema;
  if (multipleOf !== undefined && !Number.isInteger(Number((value / multipleOf).toPrecision(15)))) causes.push(invalidValue(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  if (minimum !== undefined && (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)) {
    causes.push(invalidValue(path, value, `${path} in body should be greater than ${schema.exclusiveMinimum === true ? '' : 'or equal to '}${minimum}`));
  }
  if (maximum !== undefined && (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)) {
    causes.push(invalidValue(path, value, `${path} in body should be less than ${schema.exclusiveMaximum === true ? '' : 'or equal to '}${maximum}`));
  }
  if (format !== undefined && Object.hasOwn(RANGES, format) && RANGES[format]?.(value) === false) {
    if (format === 'int64') causes.push({ reason: 'FieldValueTypeInvalid', field: path, message: `Invalid value: "float64": ${path} in body must be of type int64: "float64"` });
    causes.push({ reason: 'FieldValueInvalid', field: '<nil>', message: `Invalid value: "": Checked value must be of type integer with format ${format} in ${path}` });
  }
}
