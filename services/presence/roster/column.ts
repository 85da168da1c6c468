/** A column of a table: one number per row. */
type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** A copy of a column with room for `length` rows, which must not be fewer. */
export function widened<T extends Column>(column: T, length: number): T {
  const wider = new (column.constructor as new (length: number) => T)(length);
  wider.set(column);
  return wider;
}

/** The room to make when `capacity` rows are not enough: half as much again, so that little stands empty. */
export function nextCapacity(capacity: number): number {
  return Math.max(64, Math.ceil(capacity * 1.5));
}
