import { Button, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { IconNotes } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "wouter";
import { api, ask, newRequestId } from "../../api/client.ts";
import { useCustomer, useNames } from "../../api/names.ts";
import type { Customer } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { toast } from "../../ui/announce.tsx";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { HistoryList } from "../../ui/HistoryList.tsx";
import { Loading, PagedPanel, usePages } from "../../ui/LoadMore.tsx";
import { PageHeader, Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { useRefreshOn } from "./useRefreshOn.ts";
import classes from "./watch.module.css";

/** One customer: who they are and everything that was done for them. */
export default function CustomerPage() {
  const t = useText();
  const names = useNames();
  const { customerId } = useParams<{ customerId: string }>();
  const path = { customerId };
  const customer = useCustomer(customerId);
  const { query, rows } = usePages(["history", customerId], async (pageToken) => {
    const page = { params: { path, query: { pageSize: 30, pageToken } } };
    const answer = await ask(api.GET("/v1/customers/{customerId}/history", page));
    return { rows: answer.entries ?? [], next: answer.nextPageToken ?? "" };
  });
  useRefreshOn(["history"], "HistoryAdded", "ContactEnded");
  if (customer.error) return <ProblemNote problem={customer.error} onRetry={() => void customer.refetch()} />;
  if (!customer.data) return <Loading />;
  return (
    <>
      <PageHeader
        title={customer.data.displayName || t("common.anonymous")}
        subtitle={names.brand(customer.data.brandId)}
      />
      <div className={classes.two}>
        <PagedPanel
          query={query}
          rows={rows}
          empty={
            <EmptyState icon={IconNotes} title={t("desktop.history.none")}>
              {t("watch.history.noneBody")}
            </EmptyState>
          }
        >
          {(entries) => (
            <div style={{ padding: "6px 20px" }}>
              <HistoryList entries={entries} />
            </div>
          )}
        </PagedPanel>
        <div className={classes.stack}>
          <Panel label={t("watch.note.add")}>
            <NoteForm customerId={customerId} />
          </Panel>
          <Panel label={t("watch.customer.details")}>
            <CustomerForm key={customer.data.version} customer={customer.data} />
          </Panel>
        </div>
      </div>
    </>
  );
}

function NoteForm({ customerId }: { customerId: string }) {
  const t = useText();
  const queries = useQueryClient();
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const body = { requestId: newRequestId(), note };
      const path = { customerId };
      await ask(api.POST("/v1/customers/{customerId}/notes", { params: { path }, body }));
      setNote("");
      toast(t("common.saved"));
      await queries.invalidateQueries({ queryKey: ["history"] });
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack gap="sm">
      <Textarea
        label={t("watch.note.add")}
        autosize
        minRows={3}
        maxLength={4000}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        data-testid="customer-note"
      />
      <ProblemNote problem={problem} />
      <Button
        disabled={!note.trim()}
        loading={busy}
        onClick={() => void save()}
        data-testid="customer-note-save"
      >
        {t("common.save")}
      </Button>
    </Stack>
  );
}

function CustomerForm({ customer }: { customer: Customer }) {
  const t = useText();
  const queries = useQueryClient();
  const [name, setName] = useState(customer.displayName ?? "");
  const [numbers, setNumbers] = useState((customer.numbers ?? []).join(", "));
  const [emails, setEmails] = useState((customer.emails ?? []).join(", "));
  const [problem, setProblem] = useState<unknown>();
  const list = (text: string) => text.split(/[\s,;]+/).filter(Boolean);
  const save = async () => {
    setProblem(undefined);
    const customerId = customer.customerId ?? "";
    const changed = { customerId, displayName: name, numbers: list(numbers), emails: list(emails) };
    const body = { customer: changed, updateMask: "displayName,numbers,emails", version: customer.version };
    const path = { "customer.customerId": customerId };
    try {
      await ask(api.PATCH("/v1/customers/{customer.customerId}", { params: { path }, body }));
      toast(t("common.saved"));
      await queries.invalidateQueries({ queryKey: ["customer"] });
    } catch (error) {
      setProblem(error);
    }
  };
  return (
    <Stack gap="sm">
      <TextInput
        label={t("common.name")}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput
        label={t("watch.numbers")}
        dir="ltr"
        value={numbers}
        onChange={(event) => setNumbers(event.currentTarget.value)}
      />
      <TextInput
        label={t("start.email")}
        dir="ltr"
        value={emails}
        onChange={(event) => setEmails(event.currentTarget.value)}
      />
      <Text size="xs" c="dimmed">
        {t("watch.customer.several")}
      </Text>
      <ProblemNote problem={problem} />
      <Button variant="default" onClick={() => void save()}>
        {t("common.save")}
      </Button>
    </Stack>
  );
}
