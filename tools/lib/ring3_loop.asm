; A computing loop of 64-bit code in ring 3, for tools/bench-ring3: with NATIVE defined a Linux program (nasm -f elf64), else a
; Multiboot 1 kernel (nasm -f elf32). Writes B before the loop and E behind it, to standard output or to the debug
; console (port 0xe9), then the sum in 16 hexadecimal digits and a line feed. ROUNDS: of the loop, below 2^31; HZ: of the PIT, 0: none.
%macro compute 0                        ; RDI: 4 KiB of memory
    mov ecx, ROUNDS
    mov rax, 1
    mov rdx, 0x9e3779b97f4a7c15
    cvtsi2sd xmm0, rax
    movapd xmm1, xmm0
%%next:
    imul rax, rdx
    mov rbx, rax
    shr rbx, 55
    xor rax, [rdi + rbx * 8]
    add [rdi + rbx * 8], rcx
    addsd xmm0, xmm1
    rol rax, 7
    test al, 0x18
    jz %%skip
    add rax, rcx
%%skip:
    dec ecx
    jnz %%next
    cvttsd2si rbx, xmm0
    xor rax, rbx
%endmacro

%ifdef NATIVE
bits 64
section .text
global _start
_start:
    mov r14d, 'B'
    call write
    mov edi, table
    compute
    mov r15, rax
    mov r14d, 'E'
    call write
    mov r12d, 16
.digit:
    rol r15, 4
    mov eax, r15d
    and eax, 15
    movzx r14d, byte [digits + rax]
    call write
    dec r12d
    jnz .digit
    mov r14d, 10
    call write
    mov eax, 231                        ; exit_group
    xor edi, edi
    syscall
write:                                  ; R14: the letter
    mov [letter_out], r14b
    mov eax, 1
    mov edi, 1
    mov esi, letter_out
    mov edx, 1
    syscall
    ret
section .data
digits: db "0123456789abcdef"
section .bss
alignb 4096
table: resb 4096
letter_out: resb 1

%else
CODE64 equ 8
DATA3 equ 0x10 | 3
CODE3 equ 0x18 | 3
TASK equ 0x20
DATA equ 0x30
TICK_VECTOR equ 0x20
END_VECTOR equ 0x30
PIT_HZ equ 1193182
MULTIBOOT_MAGIC equ 0x1badb002

bits 32
section .text
align 4
    dd MULTIBOOT_MAGIC
    dd 0
    dd -MULTIBOOT_MAGIC
global _start
_start:
    mov esp, stack0
    mov eax, pdpt + 7
    mov [pml4], eax
    mov eax, pd + 7
    mov [pdpt], eax
    mov dword [pd], 0x87                ; two pages of 2 MiB, for everybody
    mov dword [pd + 8], 0x200087
    mov dword [tss + 4], stack0
    mov edi, idt + END_VECTOR * 16
    mov eax, on_end
    call gate
    mov edi, idt + TICK_VECTOR * 16
    mov eax, on_tick
    call gate
    mov eax, tss
    mov [task + 2], ax
    shr eax, 16
    mov [task + 4], al
    mov [task + 7], ah
    lgdt [gdt_register]
    mov eax, cr4
    or eax, 0x220                       ; PAE, OSFXSR
    mov cr4, eax
    mov eax, pml4
    mov cr3, eax
    mov ecx, 0xc0000080                 ; IA32_EFER: LME
    rdmsr
    or ax, 0x100
    wrmsr
    mov eax, cr0
    and eax, ~0x0c                      ; EM, TS
    or eax, 0x80000002                  ; PG, MP
    mov cr0, eax
    jmp CODE64:long_mode

gate:                                   ; EDI: gate, EAX: handler; for ring 3
    mov [edi], ax
    mov word [edi + 2], CODE64
    mov word [edi + 4], 0xee00
    shr eax, 16
    mov [edi + 6], ax
    ret

bits 64
long_mode:
    mov eax, DATA
    mov ss, eax
    lidt [idt_register]
    mov ax, TASK
    ltr ax
    mov al, 0x11                        ; PIC: vectors from TICK_VECTOR
    out 0x20, al
    mov al, TICK_VECTOR
    out 0x21, al
    mov al, 4
    out 0x21, al
    mov al, 1
    out 0x21, al
%if HZ
    mov al, 0xfe                        ; IRQ 0 alone
    out 0x21, al
    mov al, 0x34
    out 0x43, al
    mov al, (PIT_HZ / HZ) & 0xff
    out 0x40, al
    mov al, (PIT_HZ / HZ) >> 8
    out 0x40, al
%else
    mov al, 0xff
    out 0x21, al
%endif
    mov al, 'B'
    out 0xe9, al
    push DATA3
    push stack3
    push 0x202
    push CODE3
    push ring3
    iretq

ring3:
    mov edi, table
    compute
    int END_VECTOR

on_tick:
    push rax
    mov al, 0x20
    out 0x20, al
    pop rax
    iretq

on_end:                                 ; RAX: the sum
    mov r15, rax
    mov al, 'E'
    out 0xe9, al
    mov ecx, 16
.digit:
    rol r15, 4
    mov eax, r15d
    and eax, 15
    mov al, [digits + rax]
    out 0xe9, al
    dec ecx
    jnz .digit
    mov al, 10
    out 0xe9, al
    xor eax, eax
    out 0xf4, al                        ; isa-debug-exit
    hlt

section .data
digits: db "0123456789abcdef"
align 8
gdt:
    dq 0
    dq 0x00af9b000000ffff               ; CODE64
    dq 0x00cff3000000ffff               ; DATA3
    dq 0x00affb000000ffff               ; CODE3
task:
    dq 0x0000890000000067, 0            ; TASK
    dq 0x00cf93000000ffff               ; DATA
gdt_end:
gdt_register:
    dw gdt_end - gdt - 1
    dd gdt, 0
idt_register:
    dw 64 * 16 - 1
    dd idt, 0

section .bss
alignb 4096
pml4: resb 4096
pdpt: resb 4096
pd: resb 4096
idt: resb 64 * 16
tss: resb 0x68
alignb 4096
table: resb 4096
resb 4096
stack0:
resb 4096
stack3:
%endif
