/** Quantities (`500m`, `1.5Gi`) in the one form that kube-apiserver gives them (apimachinery `api/resource`). */

export const QUANTITY_PATTERN = '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$';
const QUANTITY = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,3}))?$/;

const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** What is smaller does not count: kube-apiserver rounds up to it. */
const NANO = 10n ** 9n;

interface Quantity {
  /** In billionths. */
  readonly nano: bigint;
  readonly form: 'decimal' | 'binary' | 'exponent';
}

/** undefined: it is none. */
export function parseQuantityExactly(text: string): Quantity | undefined {
  const match = QUANTITY.exec(text);
  if (match === null) return undefined;
  const [, sign = '', digits = '', suffix = '', exponent] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const power = exponent === undefined ? 0 : Number(exponent);
  const binary = suffix.endsWith('i') ? BINARY.indexOf(suffix) : 0;
  const decimal = suffix.endsWith('i') ? 0 : (DECIMAL.indexOf(suffix) - 3) * 3;
  const scale = 9 + power + decimal - fraction.length;
  const digitsAsNumber = BigInt(`${whole}${fraction}` || '0') * 1024n ** BigInt(binary);
  const size = scale >= 0 ? digitsAsNumber * 10n ** BigInt(scale) : up(digitsAsNumber, 10n ** BigInt(-scale));
  return { nano: sign === '-' ? -size : size, form: exponent !== undefined ? 'exponent' : suffix.endsWith('i') ? 'binary' : 'decimal' };
}

export function quantityText({ nano, form }: Quantity): string {
  const [sign, size] = nano < 0n ? ['-', -nano] : ['', nano];
  if (size === 0n) return '0';
  if (form === 'binary' && size >= 1024n * NANO) {
    let whole = up(size, NANO);
    let step = 0;
    for (; step < BINARY.length - 1 && whole % 1024n === 0n; step++) whole /= 1024n;
    return `${sign}${whole}${BINARY[step] ?? ''}`;
  }
  let rest = size;
  let step = 0;
  for (; step < DECIMAL.length - 1 && rest % 1000n === 0n; step++) rest /= 1000n;
  if (form === 'exponent') return `${sign}${rest}${step === 3 ? '' : `e${(step - 3) * 3}`}`;
  return `${sign}${rest}${DECIMAL[step] ?? ''}`;
}

const up = (size: bigint, unit: bigint): bigint => (size + unit - 1n) / unit;
