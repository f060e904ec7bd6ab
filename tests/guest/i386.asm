; A 32-bit Linux program that tries what 32-bit processes need of the processor beside plain instructions: ways into the
; kernel, thread-local segments, an LDT with segments that are not flat. Prints "<name> ok" or "<name> BAD" for each.
; Linux: int 0x80 numbers of arch/x86/entry/syscalls/syscall_32.tbl. No libc.
bits 32
global _start

SYS_exit        equ 1
SYS_write       equ 4
SYS_getpid      equ 20
SYS_sigaction   equ 67
SYS_modify_ldt  equ 123
SYS_thread_area equ 243
AT_SYSINFO      equ 32
SIGSEGV         equ 11
SIGBUS          equ 7
SA_NODEFER      equ 0x40000000

; user_desc flags: seg_32bit, contents (data, expand-down, code), read_exec_only, limit_in_pages, seg_not_present, useable
DESC_32         equ 1
DESC_DOWN       equ 1 << 1
DESC_READ_ONLY  equ 1 << 3
DESC_PAGES      equ 1 << 4

%macro report 1                 ; ZF: it went well
    mov esi, %%name
    mov ecx, %%end - %%name
    jmp %%over
%%name: db %1
%%end:
%%over:
    call report_esi
%endmacro

%macro ldt_entry 4              ; number, base, limit, flags
    mov dword [desc], %1
    mov dword [desc + 4], %2
    mov dword [desc + 8], %3
    mov dword [desc + 12], %4
    call write_ldt
%endmacro

%macro expect_signal 1+         ; ZF: the instruction ended in a signal
    mov dword [recover], %%caught
    mov [saved_esp], esp
    %1
    or esp, esp                 ; no signal: ZF clear
    jmp %%done
%%caught:
    xor eax, eax
%%done:
    mov dword [recover], 0
%endmacro

section .text
_start:
    mov ebp, esp
    call find_sysinfo
    mov eax, SYS_getpid
    int 0x80
    mov edi, eax
    test eax, eax
    setle al
    test al, al
    report "int 0x80"

    mov eax, SYS_getpid         ; SYSENTER or SYSCALL, whichever the kernel has chosen
    call [sysinfo]
    cmp eax, edi
    report "vsyscall"

    mov eax, SYS_thread_area    ; base, limit in pages, entry chosen by the kernel
    mov dword [desc], -1
    mov dword [desc + 4], block
    mov dword [desc + 8], 0xfffff
    mov dword [desc + 12], DESC_32 | DESC_PAGES
    mov ebx, desc
    int 0x80
    mov eax, [desc]
    lea eax, [eax * 8 + 3]
    mov gs, eax
    mov dword [gs:8], 0x12345678
    cmp dword [block + 8], 0x12345678
    report "set_thread_area"

    mov eax, SYS_sigaction
    mov ebx, SIGSEGV
    mov ecx, action
    xor edx, edx
    int 0x80
    mov eax, SYS_sigaction
    mov ebx, SIGBUS
    mov ecx, action
    xor edx, edx
    int 0x80
    expect_signal mov eax, [0]
    report "signal"

    ldt_entry 0, block, 15, DESC_32
    mov eax, 7                  ; entry 0 of the LDT, RPL 3
    mov fs, eax
    mov dword [fs:12], 0x9abcdef0
    cmp dword [block + 12], 0x9abcdef0
    report "LDT base"
    expect_signal mov eax, [fs:13]
    report "LDT limit"
    expect_signal mov dword [fs:16], 0
    report "LDT limit of a write"

    ldt_entry 1, block, 4095, DESC_32 | DESC_DOWN
    mov eax, 15
    mov fs, eax
    mov dword [block + 4096], 0x55
    cmp dword [fs:4096], 0x55
    report "expand-down"
    expect_signal mov eax, [fs:4092]
    report "expand-down limit"

    ldt_entry 2, block, 15, DESC_32 | DESC_READ_ONLY
    mov eax, 23
    mov fs, eax
    mov dword [block], 0x66
    cmp dword [fs:0], 0x66
    report "read-only"
    expect_signal mov dword [fs:0], 0
    report "read-only write"

    xor eax, eax
    mov fs, eax
    expect_signal mov al, [fs:block]
    report "null selector"

    mov eax, SYS_exit
    xor ebx, ebx
    int 0x80

; AT_SYSINFO of the auxiliary vector: behind the arguments and the environment.
find_sysinfo:
    mov eax, [ebp]
    lea esi, [ebp + eax * 4 + 8]
.environment:
    lodsd
    test eax, eax
    jnz .environment
.auxiliary:
    lodsd
    mov edx, eax
    lodsd
    cmp edx, AT_SYSINFO
    jne .next
    mov [sysinfo], eax
.next:
    test edx, edx
    jnz .auxiliary
    ret

write_ldt:
    mov eax, SYS_modify_ldt
    mov ebx, 0x11               ; write, new layout
    mov ecx, desc
    mov edx, 16
    int 0x80
    ret

report_esi:
    mov edx, good
    jz .write
    mov edx, bad
.write:
    push edx
    mov eax, SYS_write
    mov ebx, 1
    mov edx, ecx
    mov ecx, esi
    int 0x80
    mov eax, SYS_write
    pop ecx
    mov edx, 5
    int 0x80
    ret

on_signal:
    mov eax, [recover]
    mov esp, [saved_esp]
    jmp eax

section .data
good: db "  ok", 10
bad: db " BAD", 10
; struct old_sigaction: handler, mask, flags, restorer
action: dd on_signal, 0, SA_NODEFER, 0

section .bss
alignb 4096
block: resb 8192
desc: resd 4
sysinfo: resd 1
recover: resd 1
saved_esp: resd 1
