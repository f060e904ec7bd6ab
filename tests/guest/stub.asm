; Smallest guest: a 32-bit Multiboot 1 kernel (Multiboot specification 0.6.96, section 3). Assembled by the tests with
;   nasm -f elf32 -D<option> stub.asm
; ECHO writes a text to the debug console (port 0xe9); EXIT_CODE=n ends through isa-debug-exit (port 0xf4);
; HALT sleeps for ever; TRIPLE resets the machine by a triple fault; UNMAPPED touches ports nobody answers;
; MODULE writes the command line it was given.
bits 32

MULTIBOOT_MAGIC equ 0x1badb002
MULTIBOOT_FLAGS equ 0x00000003          ; page-aligned modules, memory information
MULTIBOOT_LOADED equ 0x2badb002

section .text
align 4                                 ; the loader looks for the header in the first 8 KiB
    dd MULTIBOOT_MAGIC
    dd MULTIBOOT_FLAGS
    dd -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

global _start
_start:
    cmp eax, MULTIBOOT_LOADED
    jne wrong_loader
    mov esp, stack_top
    mov ebp, ebx                        ; the Multiboot information
%ifdef ECHO
    mov esi, message
    call print
%endif
%ifdef MODULE
    mov esi, [ebp + 16]                 ; cmdline
    call print
%endif
%ifdef UNMAPPED
    mov ecx, 2000
.touch:
    mov dx, 0x1234
    in al, dx
    out dx, al
    mov dx, 0x20                        ; an operation command word without a preceding initialisation
    mov al, 0x1f
    out dx, al
    loop .touch
%endif
%ifdef TRIPLE
    lidt [empty_idt]
    ud2
%endif
%ifdef EXIT_CODE
    mov dx, 0xf4
    mov eax, EXIT_CODE
    out dx, eax
%endif
halt:
    cli
    hlt
    jmp halt

wrong_loader:
    mov dx, 0xf4
    mov eax, 0x7f
    out dx, eax
    jmp halt

print:                                  ; ESI: zero-terminated text
    mov dx, 0xe9
.next:
    lodsb
    test al, al
    jz .end
    out dx, al
    jmp .next
.end:
    ret

section .data
message: db "stub is alive", 10, 0
align 8
empty_idt: dw 0
           dd 0

section .bss
align 16
resb 4096
stack_top:
