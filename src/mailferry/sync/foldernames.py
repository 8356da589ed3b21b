"""Names of folders: the well-known ones in 23 languages, and those that a target can have.

Tables and look-ups, no rules about where mail goes: those are in `names`. The well-known names are those of
Outlook, Exchange, Thunderbird, Gmail and Apple Mail, and of the servers that make folders themselves. No name
stands for two folders.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from mailferry.backends.base import Features, Listed, SpecialUse

Parts = tuple[str, ...]


class WellKnown(StrEnum):
    """A folder that means the same in every mailbox. The value is Exchange's alias of it, as in `#SentItems#`."""

    INBOX = "Inbox"
    SENT = "SentItems"
    DRAFTS = "Drafts"
    TRASH = "DeletedItems"
    JUNK = "JunkEmail"
    ARCHIVE = "Archive"
    ALL = "AllItems"
    OUTBOX = "Outbox"
    CALENDAR = "Calendar"
    CONTACTS = "Contacts"
    JOURNAL = "Journal"
    TASKS = "Tasks"
    NOTES = "Notes"
    SYNC_ISSUES = "SyncIssues"


USES: Mapping[WellKnown, SpecialUse] = MappingProxyType(
    {
        WellKnown.SENT: SpecialUse.SENT,
        WellKnown.DRAFTS: SpecialUse.DRAFTS,
        WellKnown.ARCHIVE: SpecialUse.ARCHIVE,
        WellKnown.TRASH: SpecialUse.TRASH,
        WellKnown.JUNK: SpecialUse.JUNK,
    }
)
"""The special uses that are a place for mail. `\\All` and `\\Flagged` show mail of other folders (RFC 6154, 2)."""

NOT_MAIL = frozenset(
    {
        WellKnown.OUTBOX,
        WellKnown.CALENDAR,
        WellKnown.CONTACTS,
        WellKnown.JOURNAL,
        WellKnown.TASKS,
        WellKnown.NOTES,
        WellKnown.SYNC_ISSUES,
    }
)
"""What Exchange lists beside mail folders."""

GMAIL_CONTAINERS = frozenset({"[gmail]", "[google mail]"})

# Control characters; separators of lines; halves of surrogate pairs, which no server can store.
_NOT_ALLOWED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ENCODED = re.compile(r"&|[^\x20-\x7e]+")
_HASH_DIGITS = 8
_SHORTEST_LIMIT = 32  # room for the hash, a number, and some of the name

# One line a language: en de fr es it pt nl sv da nb fi pl cs ru uk tr el hu ro ja zh-Hans zh-Hant ko.
# Where a language lacks a line, its name is that of a language above. The order is the order of preference.
_NAMES: Mapping[WellKnown, str] = MappingProxyType(
    {
        WellKnown.SENT: """
            Sent|Sent Items|Sent Mail|Sent Messages|Sent Mails|Sent Email
            Gesendet|Gesendete Elemente|Gesendete Objekte|Gesendete Nachrichten|Gesendete E-Mails|Gesendete Mails
            Éléments envoyés|Messages envoyés|Envoyés|Objets envoyés|Courrier envoyé
            Elementos enviados|Enviados|Mensajes enviados|Correo enviado
            Posta inviata|Inviata|Inviati|Elementi inviati|Messaggi inviati
            Itens Enviados|E-mails enviados|Enviadas|Enviado|Mensagens enviadas|Correio enviado
            Verzonden items|Verzonden|Verzonden berichten|Verstuurd|Verzonden e-mail
            Skickat|Skickade objekt|Skickade mail|Skickade meddelanden|Skickade
            Sendt post|Sendte elementer|Sendt|Sendte mails|Sendte beskeder|Sendte
            Sendt e-post|Sendte meldinger
            Lähetetyt|Lähetetyt viestit|Lähetetyt kohteet
            Elementy wysłane|Wysłane|Wiadomości wysłane
            Odeslaná pošta|Odeslané|Odeslané zprávy
            Отправленные|Отправленные элементы|Отправленные письма
            Надіслані|Відправлені|Надіслані елементи
            Gönderilmiş Öğeler|Gönderilmiş Postalar|Gönderilmiş|Gönderilenler|Gönderilen
            Απεσταλμένα|Απεσταλμένα στοιχεία|Σταλμένα
            Elküldött elemek|Elküldött|Elküldött üzenetek
            Elemente trimise|Mesaje trimise|Trimise
            送信済みアイテム|送信済みメール|送信済み|送信済みメッセージ
            已发送邮件|已发邮件|已发送|已发送消息
            寄件備份|已傳送郵件|已傳送|已寄出|寄件備份匣|已傳送的郵件
            보낸 편지함|보낸편지함|보낸 메일함|보낸메일함|보낸 메시지""",
        WellKnown.DRAFTS: """
            Drafts|Draft
            Entwürfe|Entwurf
            Brouillons|Brouillon
            Borradores|Borrador
            Bozze|Bozza
            Rascunhos|Rascunho
            Concepten
            Utkast
            Kladder
            Kladd
            Luonnokset
            Wersje robocze|Szkice|Robocze|Kopie robocze
            Koncepty|Rozepsané
            Черновики
            Чернетки
            Taslaklar
            Πρόχειρα
            Piszkozatok
            Schițe|Ciorne|Mesaje nefinalizate
            下書き
            草稿|草稿箱
            草稿匣|草稿夾
            임시 보관함|임시보관함|초안""",
        WellKnown.TRASH: """
            Trash|Deleted Items|Deleted Messages|Deleted|Bin|Rubbish|Recycle Bin
            Papierkorb|Gelöschte Elemente|Gelöschte Objekte|Gelöscht|Gelöschte Nachrichten
            Éléments supprimés|Corbeille|Messages supprimés|Supprimés
            Elementos eliminados|Papelera|Eliminados|Mensajes eliminados|Papelera de reciclaje
            Posta eliminata|Cestino|Elementi eliminati|Eliminata
            Itens Excluídos|Itens Eliminados|Lixeira|Lixo|Excluídos|Reciclagem
            Verwijderde items|Prullenbak|Prullenmand|Verwijderd|Verwijderde berichten
            Borttaget|Borttagna objekt|Papperskorgen|Papperskorg|Borttagna
            Slettet post|Slettede elementer|Papirkurv|Slettet|Papirkurven
            Slettede meldinger
            Poistetut|Roskakori|Poistetut viestit|Poistetut kohteet
            Elementy usunięte|Kosz|Usunięte
            Odstraněná pošta|Koš|Odstraněné|Smazané
            Удаленные|Удалённые|Корзина|Удаленные элементы
            Видалені|Кошик|Видалені елементи
            Silinmiş Öğeler|Çöp Kutusu|Çöp|Silinmiş
            Διαγραμμένα|Κάδος απορριμμάτων|Κάδος|Διαγραμμένα στοιχεία|Κάδος ανακύκλωσης
            Törölt elemek|Kuka|Lomtár|Törölt
            Elemente șterse|Coș de gunoi|Gunoi|Coș
            削除済みアイテム|ゴミ箱|ごみ箱|削除済み
            已删除邮件|已删除|废件箱|废纸篓|已删除消息
            刪除的郵件|垃圾桶|已刪除的郵件|刪除的項目|已刪除
            지운 편지함|휴지통|지운편지함|삭제된 메시지|삭제된 편지함""",
        WellKnown.JUNK: """
            Junk|Junk Email|Junk E-mail|Junk E-Mails|Spam|Bulk Mail|Bulk
            Junk-E-Mail|Spamverdacht|Werbung|Unerwünschte Werbung|Unerwünscht
            Courrier indésirable|Indésirables|Pourriel|Pourriels
            Correo no deseado|Correo basura|No deseado
            Posta indesiderata|Indesiderata
            Lixo Eletrônico|Lixo Eletrónico|Correio Eletrónico de Lixo|Correio de lixo|E-mail de lixo
            Ongewenste e-mail|Ongewenst|Ongewenste mail|Reclame
            Skräppost|Skräp
            Uønsket mail|Uønsket e-mail|Uønsket|Uønsket post
            Søppelpost|Søppel-e-post|Søppel
            Roskaposti
            Wiadomości-śmieci|Niechciane|Wiadomości śmieci
            Nevyžádaná pošta|Nevyžádané|Nevyžádaná
            Нежелательная почта|Спам|Нежелательные
            Небажана пошта|Небажані
            Önemsiz E-posta|Önemsiz|Gereksiz
            Ανεπιθύμητη αλληλογραφία|Ανεπιθύμητα
            Levélszemét
            E-mail nedorit|Nedorit|Nedorite
            迷惑メール
            垃圾邮件
            垃圾郵件
            정크 메일|스팸함|정크|스팸 메일함|스팸메일함|정크 이메일""",
        WellKnown.ARCHIVE: """
            Archive|Archives|Archived
            Archiv|Archive (Archiv)
            Archivage
            Archivo|Archivar|Archivos|Archivado
            Archivio|Archivi|Archivia
            Arquivo|Arquivo Morto|Arquivos|Arquivar
            Archief|Archieven
            Arkiv
            Arkiver|Arkivér
            Arkisto|Arkistot|Arkistoi
            Archiwum|Archiwa
            Archivy|Archivovat
            Архив|Архивы
            Архів|Архіви
            Arşiv|Arşivler
            Αρχειοθήκη|Αρχείο|Αρχειοθέτηση
            Archívum|Archiválás
            Arhivă|Arhivare|Arhive
            アーカイブ
            存档|归档
            封存|保存
            보관|보관함|보관 파일""",
        WellKnown.ALL: """
            All Mail
            Alle Nachrichten
            Tous les messages
            Todos
            Tutti i messaggi
            Todos os e-mails|Todo o correio
            Alle e-mails|Alle e-mail|Alle berichten
            Alla mail
            Alle mails
            All e-post
            Kaikki viestit
            Wszystkie
            Všechny zprávy
            Вся почта
            Уся пошта
            Tüm Postalar
            Όλα τα μηνύματα
            Összes levél|Az összes levél
            Toate mesajele
            すべてのメール
            所有邮件
            全部郵件|所有郵件
            전체보관함|전체 보관함""",
        WellKnown.OUTBOX: """
            Outbox|Postausgang|Boîte d'envoi|Boîte d’envoi|Bandeja de salida|Posta in uscita|Caixa de Saída|A Enviar
            Postvak UIT|Utkorgen|Udbakke|Utboks|Lähtevät|Skrzynka nadawcza|Pošta k odeslání|Исходящие|Вихідні
            Giden Kutusu|Εξερχόμενα|Postázandó üzenetek|Cutie poștală de ieșire|Ieșire|送信トレイ|发件箱|寄件匣
            보낼 편지함""",
        WellKnown.CALENDAR: """
            Calendar|Kalender|Calendrier|Calendario|Calendário|Agenda|Kalenteri|Kalendarz|Kalendář|Календарь|Календар
            Takvim|Ημερολόγιο|Naptár|予定表|日历|行事曆|일정""",
        WellKnown.CONTACTS: """
            Contacts|Kontakte|Contactos|Contatti|Contatos|Contactpersonen|Kontakter|Kontaktpersoner|Yhteystiedot
            Kontakty|Контакты|Контакти|Kişiler|Επαφές|Névjegyek|Névjegyalbum|Partnerek|Persoane de contact|Contacte
            連絡先|联系人|連絡人|연락처""",
        WellKnown.JOURNAL: """
            Journal|Diario|Diário|Logboek|Journaal|Dagbog|Logg|Päiväkirja|Dziennik|Deník|Дневник|Журнал|Щоденник
            Günlük|Χρονικό|Napló|Jurnal|履歴|日记|日誌|업무 일지|저널""",
        WellKnown.TASKS: """
            Tasks|Aufgaben|Tâches|Tareas|Attività|Tarefas|Taken|Uppgifter|Opgaver|Oppgaver|Tehtävät|Zadania|Úkoly
            Задачи|Завдання|Görevler|Εργασίες|Feladatok|Activități|タスク|仕事|任务|工作|작업""",
        WellKnown.NOTES: """
            Notes|Notizen|Notas|Note|Anotações|Notities|Anteckningar|Noter|Notater|Muistilaput|Notatki|Poznámky
            Заметки|Нотатки|Notlar|Σημειώσεις|Feljegyzések|メモ|便笺|注释|記事|메모""",
        WellKnown.SYNC_ISSUES: """
            Sync Issues|Synchronisierungsprobleme|Problèmes de synchronisation|Problemas de sincronización
            Problemi di sincronizzazione|Problemas de Sincronização|Synchronisatieproblemen|Synkroniseringsfel
            Synkroniseringsproblem|Synkroniseringsproblemer|Synkroniseringsfeil|Synkronointiongelmat
            Problemy z synchronizacją|Problémy se synchronizací|Ошибки синхронизации|Проблемы синхронизации
            Помилки синхронізації|Проблеми синхронізації|Eşitleme Sorunları|Ζητήματα συγχρονισμού
            Προβλήματα συγχρονισμού|Szinkronizálási problémák|Probleme de sincronizare|同期の失敗|同步问题
            同步處理問題|同步問題|동기화 문제""",
    }
)


def folded(name: str) -> str:
    """Give the form in which two names that differ only in case or in Unicode normalisation are equal."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def canonical(parts: Parts) -> Parts:
    """Spell a first part that is INBOX in any case as the RFC does (RFC 3501, 5.1)."""
    return ("INBOX", *parts[1:]) if parts[0].casefold() == "inbox" else parts


def table() -> list[tuple[WellKnown, str]]:
    """Give every name with its meaning, the preferred ones of each meaning first."""
    cells = [(kind, cell.strip()) for kind, text in _NAMES.items() for cell in text.replace("\n", "|").split("|")]
    return [(kind, name) for kind, name in cells if name]


_MEANING: Mapping[str, tuple[int, WellKnown]] = MappingProxyType(
    {folded(name): (rank, kind) for rank, (kind, name) in reversed(list(enumerate(table())))}
)


def meaning(name: str) -> WellKnown | None:
    """Say which well-known folder bears this name in some language; None if no one does."""
    found = _MEANING.get(folded(name))
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Folders of one listing that may be the well-known ones, best first. A folder is in one list at most."""

    by_use: dict[SpecialUse, list[Listed]] = field(default_factory=dict)
    by_name: dict[WellKnown, list[Listed]] = field(default_factory=dict)


def candidates(folders: Sequence[Listed], *, is_gmail: bool) -> Candidates:
    """Find the folders with a special use (RFC 6154), and those without that bear a well-known name.

    A name counts at the top only: at the root, below `[Gmail]` on Gmail, and directly below INBOX where the server
    keeps every folder there.
    """
    # A server with a prefix INBOX. that announces no namespace shows all folders below INBOX.
    inbox_only = all(canonical(f.path.parts)[0] == "INBOX" for f in folders)
    found = Candidates()
    ranked: list[tuple[int, WellKnown, Listed]] = []
    for folder in sorted(folders, key=lambda f: (len(f.path.parts), f.path, f.raw_name)):
        if folder.special_use:
            if folder.selectable:
                found.by_use.setdefault(folder.special_use, []).append(folder)
            continue
        hit = _by_name(canonical(folder.path.parts), inbox_only=inbox_only, is_gmail=is_gmail)
        if hit and (folder.selectable or hit[1] in NOT_MAIL):
            ranked.append((*hit, folder))
    for _, kind, folder in sorted(ranked, key=lambda entry: entry[0]):
        found.by_name.setdefault(kind, []).append(folder)
    return found


def _by_name(parts: Parts, *, inbox_only: bool, is_gmail: bool) -> tuple[int, WellKnown] | None:
    in_gmail = is_gmail and len(parts) == 2 and folded(parts[0]) in GMAIL_CONTAINERS
    if not (len(parts) == 1 or in_gmail or (len(parts) == 2 and inbox_only)):
        return None
    hit = _MEANING.get(folded(parts[-1]))
    # "All" and "Todos" are good names for a folder of one's own; only Gmail's container makes them special.
    return None if hit is None or (hit[1] is WellKnown.ALL and not in_gmail) else hit


def stored_bytes(name: str) -> int:
    """Give the length of a name as stored: in modified UTF-7 (RFC 3501, 5.1.3) or UTF-8, whichever is longer."""
    encoded = sum(1 if run == "&" else 1 - len(run) + _base64_length(run) for run in _ENCODED.findall(name))
    return max(len(name) + encoded, len(name.encode()))


def _base64_length(run: str) -> int:
    return 1 + -(-len(run.encode("utf-16-be")) * 4 // 3)  # & and the digits; the closing - is counted by the caller


class TargetNames:
    """What a name must be like on one target, and which names are there already."""

    def __init__(self, features: Features, listed: Sequence[Listed]) -> None:
        self.features = features
        self.below_inbox = features.children_of_inbox and features.delimiter is not None
        self.substitute = "_" if features.delimiter != "_" else "-"
        self._limit = max(features.folder_name_bytes, _SHORTEST_LIMIT)
        self._existing: dict[Parts, Listed] = {}
        self._parents: set[Parts] = set()
        for folder in sorted(listed, key=lambda f: (not f.selectable, f.path, f.raw_name)):
            parts = folder.path.parts
            self._existing.setdefault(self.key(parts), folder)
            self._parents.update(self.key(parts[:level]) for level in range(1, len(parts)))
        self._reserved = {("inbox",)} | set(self._reserved_names(listed))

    def _reserved_names(self, listed: Sequence[Listed]) -> list[Parts]:
        names: list[Parts] = [("files",)] if self.features.is_exchange else []
        for folder in listed:
            parts = tuple(map(folded, folder.path.parts))
            if self.features.is_exchange and len(parts) == 1 and meaning(parts[0]) in NOT_MAIL:
                names.append(parts)  # mail in the calendar's or the notes' own folder is not seen by anyone
            if folder.special_use in (SpecialUse.ALL, SpecialUse.FLAGGED) and not self.features.is_gmail:
                names.append(parts)
        return names

    def key(self, parts: Parts) -> Parts:
        """Give the form in which two paths are equal if the target takes them for one folder."""
        parts = canonical(parts)
        return tuple(map(folded, parts)) if self.features.case_insensitive else parts

    def existing(self, parts: Parts) -> Listed | None:
        """Give the folder that the target lists at this place."""
        return self._existing.get(self.key(parts))

    def selectable(self, parts: Parts) -> Listed | None:
        """Give the folder at this place if it can hold mail."""
        folder = self.existing(parts)
        return folder if folder and folder.selectable else None

    def is_listed(self, parts: Parts) -> bool:
        """Say whether there is a folder at this place, or one below it."""
        key = self.key(parts)
        return key in self._existing or key in self._parents

    def is_reserved(self, parts: Parts, *, only_parent: bool) -> bool:
        """Say whether the target keeps this name for itself."""
        names = tuple(map(folded, parts))
        if self.features.is_gmail and len(names) == 1 and names[0] in GMAIL_CONTAINERS:
            return not only_parent
        return names in self._reserved

    def fit(self, below: Parts, name: str) -> tuple[Parts, list[str]]:
        """Make a name that the target can store out of `name`; the list says what had to be changed.

        The separator and control characters become `_`. A target without a separator gets the levels joined by `_`.
        """
        fitting = _NOT_ALLOWED.sub(self.substitute, name)
        if self.features.delimiter:
            fitting = fitting.replace(self.features.delimiter, self.substitute)
        if self.features.is_gmail:
            fitting = fitting.replace("^", self.substitute)
        if fitting.strip() in (".", ".."):  # would leave the folder of a mailbox that is stored as files
            fitting = self.substitute * len(fitting.strip())
        changes = ["character not allowed"] if fitting != name else []
        tidy = self._tidy(fitting)
        if tidy != fitting:
            changes.append("blanks removed")
        if self.features.delimiter is None and below:
            tidy, below = self.substitute.join([*below, tidy]), ()
            changes.append("no subfolders on the target")
        if stored_bytes(tidy) > self._limit:
            tidy = self._shortened(tidy, name, self._limit)
            changes.append("too long")
        return (*below, tidy), changes

    def _tidy(self, name: str) -> str:
        if self.features.is_gmail:
            name = " ".join(name.split())
        elif self.features.is_exchange:
            name = name.strip()
        return name or self.substitute

    def _shortened(self, name: str, origin: str, limit: int) -> str:
        digest = hashlib.blake2b(origin.encode("utf-8", "surrogatepass"), digest_size=_HASH_DIGITS // 2).hexdigest()
        return self._cut(name, limit - _HASH_DIGITS - 1) + self.substitute + digest

    def _cut(self, name: str, limit: int) -> str:
        length = bisect_right(range(1, min(len(name), limit) + 1), limit, key=lambda n: stored_bytes(name[:n]))
        return name[:length].rstrip()

    def numbered(self, parts: Parts, number: int) -> Parts:
        """Give the path with ` (number)` after the name."""
        suffix = f" ({number})"
        return (*parts[:-1], self._cut(parts[-1], self._limit - len(suffix)) + suffix)
