import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../../api/client.ts";
import type { Definition, Scenario, Simulation, SimulationInput } from "../../../api/types.ts";

/** What is tried: the call and what happens in it, one after the other. */
export interface Trial {
  scenario: Scenario;
  inputs: readonly SimulationInput[];
}

const EMPTY: Trial = { scenario: {}, inputs: [] };

/** A trial, and how far the draft as it is edited, or a release, comes with it. Every change runs it anew on the server. */
export function useSimulation(flowId: string, draft: Definition, enabled: boolean) {
  const [trial, setTrial] = useState<Trial>(EMPTY);
  const [releaseNumber, setReleaseNumber] = useState(0);
  // What is typed into a step is tried when the hands rest.
  const [definition] = useDebouncedValue(draft, 400);
  const body = {
    scenario: trial.scenario,
    inputs: [...trial.inputs],
    ...(releaseNumber ? { releaseNumber } : { definition }),
  };
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ["simulation", flowId, body],
    queryFn: (): Promise<Simulation> =>
      ask(api.POST("/v1/flows/{flowId}:simulate", { params: { path: { flowId } }, body })),
    placeholderData: keepPreviousData,
    staleTime: 0,
    enabled,
  });
  const withInputs = (inputs: readonly SimulationInput[]) => setTrial({ ...trial, inputs });
  return {
    trial,
    simulation: data,
    error,
    retry: () => void refetch(),
    releaseNumber,
    setReleaseNumber,
    /** Begins anew with another call and other things that happen. */
    load: setTrial,
    setScenario: (scenario: Scenario) => setTrial({ ...trial, scenario }),
    /** While it still runs nothing more is taken: what fits next isn't known yet. */
    give: (input: SimulationInput) => {
      if (!isFetching) withInputs([...trial.inputs, input]);
    },
    /** Takes back the last thing that happened. */
    back: () => withInputs(trial.inputs.slice(0, -1)),
    keepUntil: (count: number) => withInputs(trial.inputs.slice(0, count)),
    restart: () => withInputs([]),
  };
}
