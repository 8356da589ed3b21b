"""The well-known folders, and what they are called in 23 languages: a table, no rules.

The names are those of Outlook, Exchange, Thunderbird, Gmail and Apple Mail, and of the servers that make folders
themselves. No name stands for two folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


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


# One line a language: en de fr es it pt nl sv da nb fi pl cs ru uk tr el hu ro ja zh-Hans zh-Hant ko.
# Where a language lacks a line, its name is that of a language above. The order is the order of preference.
NAMES: Mapping[WellKnown, str] = MappingProxyType(
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
