/** RFC 9457 problem details: what the API says no with, and the failures that never reached it. */

export interface FieldProblem {
  field: string;
  description: string;
}

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** Stable key programs match on, such as EMAIL_TAKEN. */
    readonly reason: string,
    readonly detail: string,
    readonly fields: readonly FieldProblem[] = [],
    readonly retryAfterSeconds?: number,
    readonly metadata: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail || reason);
  }

  static offline(): Problem {
    return new Problem(0, "UNREACHABLE", "");
  }
}

interface ProblemBody {
  status?: number;
  reason?: string;
  title?: string;
  detail?: string;
  fields?: FieldProblem[];
  errors?: FieldProblem[];
  fieldViolations?: FieldProblem[];
  retryAfter?: number | string;
  metadata?: Record<string, unknown>;
}

/** Reads a problem+json body; anything else becomes a problem that only has its status. */
export function problemFrom(status: number, body: unknown, retryAfter?: string | null): Problem {
  const problem = (typeof body === "object" && body !== null ? body : {}) as ProblemBody;
  const retry = Number.parseFloat(String(problem.retryAfter ?? retryAfter ?? ""));
  return new Problem(
    problem.status ?? status,
    problem.reason ?? `HTTP_${status}`,
    problem.detail ?? problem.title ?? "",
    problem.fields ?? problem.errors ?? problem.fieldViolations ?? [],
    Number.isFinite(retry) ? retry : undefined,
    { ...problem, ...problem.metadata },
  );
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return Problem.offline(); // what fetch throws without a network
  return new Problem(0, "UNEXPECTED", error instanceof Error ? error.message : String(error));
}

/** The complaint about one field, matched by its last name: the API says `queue.display_name`. */
export function fieldProblem(problem: Problem | undefined, field: string): string | undefined {
  const found = problem?.fields.find(({ field: path }) => camel(path.split(".").at(-1) ?? "") === field);
  return found?.description;
}

/** A field's name or path as JSON has it. */
export function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
