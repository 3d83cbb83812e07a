import "@fontsource-variable/inter";
import { DirectionProvider, MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.tsx";
import { asProblem } from "./api/problem.ts";
import { cssVariables, theme } from "./theme/theme.ts";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      // What the API refuses it refuses again; only a missing answer is worth another try.
      retry: (count, error) => count < 2 && [0, 502, 503, 504].includes(asProblem(error).status),
    },
  },
});

export function draw(): void {
  const root = document.getElementById("root");
  if (!root) return;
  createRoot(root).render(
    <StrictMode>
      <DirectionProvider>
        <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
          <QueryClientProvider client={queries}>
            <App />
          </QueryClientProvider>
        </MantineProvider>
      </DirectionProvider>
    </StrictMode>,
  );
}
