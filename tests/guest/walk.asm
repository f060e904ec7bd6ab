; A guest whose every run is the same: no interrupt, no clock. It crosses what translation and its block borders make hard:
; loops back into the middle of a block, calls, string instructions over page borders, flags over memory accesses,
; exceptions in the middle of a block, code that changes itself. It ends with its result through isa-debug-exit.
bits 32

MULTIBOOT_MAGIC equ 0x1badb002
RESULT equ 0x15

section .text
align 4
    dd MULTIBOOT_MAGIC
    dd 0
    dd -MULTIBOOT_MAGIC

global _start
_start:
    mov esp, stack_top
    call load_tables
    xor ebp, ebp
    mov ecx, 50                         ; enters the middle of this block again and again
middle:
    lea ebp, [ebp + ebp * 2 + 1]
    ror ebp, 5
    dec ecx
    jnz middle
    mov eax, 12
    call fibonacci
    cmp eax, 144
    jne wrong
    call strings
    call carries
    call faults
    call changes
    mov eax, RESULT
    jmp end
wrong:
    mov eax, 1
end:
    mov dx, 0xf4
    out dx, eax
halt:
    cli
    hlt
    jmp halt

fibonacci:                              ; EAX: n, then its number
    cmp eax, 2
    jb .small
    push ebx
    push eax
    dec eax
    call fibonacci
    mov ebx, eax
    pop eax
    sub eax, 2
    call fibonacci
    add eax, ebx
    pop ebx
.small:
    ret

strings:                                ; three pages, at odd addresses
    mov edi, buffer + 3
    mov eax, 0x5a
    mov ecx, 9000
    rep stosb
    mov esi, buffer + 3
    mov edi, buffer + 0x4005
    mov ecx, 9000
    rep movsb
    mov esi, buffer + 3
    mov edi, buffer + 0x4005
    mov ecx, 9000
    repe cmpsb
    jne wrong
    ret

carries:                                ; a number of 64 words times three
    mov ecx, 64
    xor ebx, ebx
.next:
    mov eax, [buffer + ecx * 4]
    mov edx, 3
    mul edx
    add eax, ebx
    adc edx, 0
    mov [buffer + ecx * 4 + 2], eax
    mov ebx, edx
    bt ebx, 1
    sbb [buffer], ebx
    loop .next
    ret

faults:                                 ; #DE and #UD, whose handlers step over two bytes
    mov ecx, 20
.next:
    mov eax, ecx
    xor edx, edx
    xor ebx, ebx
    add esi, eax
    div ebx
    adc esi, 7
    ud2
    rol esi, 3
    loop .next
    ret

changes:                                ; the immediate of an instruction ahead in the same block
    mov ecx, 30
.next:
    mov [.patched + 1], cl
    adc edi, ecx
.patched:
    mov eax, 0
    and eax, 0xff
    cmp eax, ecx
    jne wrong
    loop .next
    ret

skip_two:
    add dword [esp], 2
    iretd

load_tables:
    mov eax, skip_two
    mov [idt], ax
    mov [idt + 6 * 8], ax
    shr eax, 16
    mov [idt + 6], ax
    mov [idt + 6 * 8 + 6], ax
    lgdt [gdt_register]
    lidt [idt_register]
    jmp 8:.reloaded
.reloaded:
    mov eax, 16
    mov ds, eax
    mov es, eax
    mov ss, eax
    ret

section .data
align 8
gdt: dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_register: dw $ - gdt - 1
    dd gdt
align 8
idt: dw 0, 8, 0x8e00, 0
    times 5 dq 0
    dw 0, 8, 0x8e00, 0
idt_register: dw $ - idt - 1
    dd idt

section .bss
align 4096
buffer: resb 0x8000
resb 4096
stack_top:
