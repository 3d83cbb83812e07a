import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "wouter";
import { useText } from "../i18n/index.ts";
import { EmptyState } from "./EmptyState.tsx";
import { usePageTitle } from "./title.ts";

export function NotFound() {
  const t = useText();
  usePageTitle(t("notFound.title"));
  return (
    <EmptyState
      icon={IconMapOff}
      title={t("notFound.title")}
      action={
        <Button component={Link} href="/" variant="default">
          {t("notFound.home")}
        </Button>
      }
    >
      {t("notFound.body")}
    </EmptyState>
  );
}
