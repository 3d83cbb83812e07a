import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { useNames } from "../../../api/names.ts";
import { useText } from "../../../i18n/index.ts";

/** What was used: a call to open, a person, or a number. */
export function Source({ id }: { id: string }) {
  const t = useText();
  const names = useNames();
  if (id.startsWith("call_")) {
    return (
      <Anchor component={Link} href={`/calls/${id}`}>
        {t("watch.openCall")}
      </Anchor>
    );
  }
  return id.startsWith("usr_") ? <bdi>{names.user(id)}</bdi> : <span className="m-ltr">{id || "–"}</span>;
}
