import { useParams } from "wouter";
import { NumberListPage } from "./NumberListPage.tsx";
import { NumberListsPage } from "./NumberListsPage.tsx";

/** All lists, or the one that the address names. */
export default function NumberLists() {
  const { numberListId } = useParams<{ numberListId?: string }>();
  return numberListId ? <NumberListPage numberListId={numberListId} /> : <NumberListsPage />;
}
