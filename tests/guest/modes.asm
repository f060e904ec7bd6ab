; A boot sector through real, protected and long mode to 64-bit code in ring 3, and back: a letter on the debug console
; (port 0xe9) for each mode, RPLU. Ring 3 adds up to LOOPS (default 10 million) while the PIT interrupts, and leaves the sum
; in memory; the tick that finds it ends the run by isa-debug-exit: 0x31, or 0x32 for a wrong sum.
; With INT or SYSCALL defined, ring 3 asks for the end by that instruction.
bits 16
org 0x7c00

%ifndef LOOPS
%define LOOPS 10000000
%endif
PML4 equ 0x1000
PDPT equ 0x2000
PD equ 0x3000
IDT equ 0x4000                          ; 64 gates
TSS equ 0x5000
TICKS equ 0x6000
DONE equ 0x6004
STACK0 equ 0x7000
STACK3 equ 0x7c00
CODE32 equ 8
CODE64 equ 0x10
DATA equ 0x18
DATA3 equ 0x20 | 3                      ; SYSRET's order
CODE3 equ 0x28 | 3
TASK equ 0x30
PIC_VECTOR equ 0x20
CALL_VECTOR equ 0x30
IA32_EFER equ 0xc0000080

%macro letter 1
    mov al, %1
    out 0xe9, al
%endmacro

start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, STACK0
    letter 'R'
    xor ax, ax
    mov di, PML4                        ; tables and variables
    mov cx, 0x6000 / 2
    cld
    rep stosw
    mov word [PML4], PDPT | 7
    mov word [PDPT], PD | 7
    mov word [PD], 0x87                 ; 2 MiB, for everybody
    mov word [TSS + 4], STACK0          ; RSP0
    mov di, IDT + CALL_VECTOR * 16
    mov ax, on_call
    call gate
    mov di, IDT + PIC_VECTOR * 16
    mov ax, on_tick
    call gate
    lgdt [gdt_register]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp CODE32:protected

gate:                                   ; DI: gate, AX: handler; for ring 3
    stosw
    mov ax, CODE64
    stosw
    mov ax, 0xee00
    stosw
    ret

bits 32
protected:
    mov ax, DATA
    mov ds, ax
    mov ss, ax
    letter 'P'
    mov eax, cr4
    or eax, 0x220                       ; PAE, OSFXSR
    mov cr4, eax
    mov eax, PML4
    mov cr3, eax
    mov ecx, IA32_EFER
    rdmsr
    or ax, 0x100
%ifdef SYSCALL
    or al, 1
%endif
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    jmp CODE64:long_mode

bits 64
long_mode:
    letter 'L'
%ifdef SYSCALL
    mov ecx, 0xc0000081                 ; STAR, LSTAR, SFMASK
    mov edx, (DATA - 8) << 16 | CODE64
    xor eax, eax
    wrmsr
    inc ecx
    mov eax, on_call
    xor edx, edx
    wrmsr
    inc ecx
    inc ecx
    mov eax, 0x200
    wrmsr
%endif
    lidt [idt_register]
    mov ax, TASK
    ltr ax
    mov al, 0x11                        ; PIC: vectors from PIC_VECTOR, only IRQ 0
    out 0x20, al
    mov al, PIC_VECTOR
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
    mov al, 0xfe
    out 0x21, al
    mov al, 0x34                        ; PIT: about 1000 Hz
    out 0x43, al
    mov al, 0xa9
    out 0x40, al
    mov al, 4
    out 0x40, al
    push DATA3
    push STACK3
    push 0x202
    push CODE3
    push ring3
    iretq

ring3:
    xor eax, eax
    mov ecx, LOOPS
.next:
    add rax, rcx
    dec rcx
    jnz .next
    mov rbx, LOOPS * (LOOPS + 1) / 2
.wait:
    cmp dword [TICKS], 2
    jb .wait
%ifdef SYSCALL
    syscall
%elifdef INT
    int CALL_VECTOR
%endif
    inc dword [DONE]
    jmp $

on_call:                                ; RAX: the sum, RBX: what it should be
    cmp rax, rbx
    mov ah, 0x31
    je .end
    inc ah
.end:
    letter 'U'
    mov al, ah
    out 0xf4, al
    hlt

on_tick:
    push rax
    inc dword [TICKS]
    mov al, 0x20
    out 0x20, al
    pop rax
    cmp dword [DONE], 0
    jne on_call
    iretq

gdt_register:
    dw gdt_end - gdt - 1
    dd gdt
idt_register:
    dw 64 * 16 - 1
    dq IDT
gdt:
    dq 0
    dq 0x00cf9b000000ffff               ; CODE32
    dq 0x00af9b000000ffff               ; CODE64
    dq 0x00cf93000000ffff               ; DATA
    dq 0x00cff3000000ffff               ; DATA3
    dq 0x00affb000000ffff               ; CODE3
    dq 0x0000890000000067 | TSS << 16   ; TASK
    dq 0
gdt_end:
    times 510 - ($ - $$) db 0
    dw 0xaa55
