/** A name, or a number with its unit, that keeps its own direction within a sentence or a picture (UAX 9, FSI). */
export const isolated = (text: string): string => `\u2068${text}\u2069`;
