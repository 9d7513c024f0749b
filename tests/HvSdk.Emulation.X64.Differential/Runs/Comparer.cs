using System.Runtime.InteropServices;
using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Finds what differs between two outcomes of a case.</summary>
public sealed partial class Comparer
{
    private const ulong ResumeFlag = X64Flags.Resume;
    private const ulong AlignmentCheck = 1UL << 18;
    private const ulong NestedTask = 1UL << 14;

    private static readonly string[] s_names =
        ["RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RSP", "RBP", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RIP", "RFLAGS"];

    // SYSCALL on QEMU 7.2 forgets these.
    private const ulong FlagsOfSyscall =
        X64Flags.Carry | X64Flags.Parity | X64Flags.Auxiliary | X64Flags.Zero | X64Flags.Sign | X64Flags.Overflow | X64Flags.Direction;

    private const byte Accessed = 1; // bit 0 of a segment's type

    private const uint MaxByteLimit = 0xF_FFFF;

    private readonly bool _comparesSegments;
    private readonly bool _isAmd;
    private readonly bool _isQemu;
    private readonly ulong _lostFlags;
    private readonly ulong _pageFaultErrors;

    /// <summary>Makes a comparer.</summary>
    /// <param name="hypervisor">First word of the host's description. KVM_PVM shows the host's own segments.</param>
    public Comparer(string hypervisor)
    {
        bool isPvm = hypervisor == "kvm_pvm";
        _comparesSegments = !isPvm;
        _isAmd = hypervisor.StartsWith("kvm_amd", StringComparison.Ordinal);

        _isQemu = hypervisor == "kvm_amd@tcg";

        // QEMU 7.2 reads before it writes, so that its page fault of an instruction that does both is one of a read.
        _pageFaultErrors = _isQemu ? 2UL : 0;

        // The host's kernel clears these whenever it is entered.
        _lostFlags = isPvm ? AlignmentCheck | NestedTask : 0;
    }

    /// <summary>What differs, in words; empty: nothing.</summary>
    /// <param name="test">The case.</param>
    /// <param name="expected">The processor's outcome.</param>
    /// <param name="actual">The emulator's.</param>
    public List<string> Compare(TestCase test, Outcome expected, Outcome actual)
    {
        ArgumentNullException.ThrowIfNull(test);
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(actual);
        List<string> differences = [];
        if (expected.End != actual.End || expected.Vector != actual.Vector)
        {
            differences.Add($"end: {Text(expected)}, emulated: {Text(actual)}");
        }

        if (expected.End == EndKind.Shutdown && actual.End == EndKind.Shutdown)
        {
            return differences; // what is left of the registers is the processor's affair
        }

        ulong undefined = FlagRules.Undefined(test.Instructions, isAnywhere: expected.End != EndKind.End);
        undefined |= _isQemu && test.Instructions.Any(static item => item.Instruction.Mnemonic == Mnemonic.Syscall) ? FlagsOfSyscall : 0;
        CompareRegisters(differences, expected, actual, undefined);
        CompareSpecialRegisters(differences, expected, actual);
        if (test.System is not null)
        {
            CompareSystem(differences, expected, actual);
        }

        CompareXsave(differences, test, expected.Xsave, actual.Xsave);
        CompareMemory(differences, test, expected, actual, undefined | ResumeFlag, _pageFaultErrors);
        return differences;
    }

    private void CompareRegisters(List<string> differences, Outcome expected, Outcome actual, ulong undefined)
    {
        X64Registers a = expected.Registers;
        X64Registers b = actual.Registers;
        ReadOnlySpan<ulong> x = MemoryMarshal.Cast<X64Registers, ulong>(MemoryMarshal.CreateSpan(ref a, 1));
        ReadOnlySpan<ulong> y = MemoryMarshal.Cast<X64Registers, ulong>(MemoryMarshal.CreateSpan(ref b, 1));
        for (int i = 0; i < s_names.Length; i++)
        {
            ulong mask = i switch
            {
                17 => ~(undefined | ResumeFlag | _lostFlags),
                16 when expected.End == EndKind.End => 0, // at the port write or after it
                _ => ulong.MaxValue,
            };
            if (((x[i] ^ y[i]) & mask) != 0)
            {
                differences.Add(i == 17
                    ? $"RFLAGS: {x[i]:X} emulated: {y[i]:X} differing: {FlagText((x[i] ^ y[i]) & mask)}"
                    : $"{s_names[i]}: {x[i]:X16} emulated: {y[i]:X16}");
            }
        }
    }

    private void CompareSpecialRegisters(List<string> differences, Outcome expected, Outcome actual)
    {
        X64SpecialRegisters a = expected.SpecialRegisters;
        X64SpecialRegisters b = actual.SpecialRegisters;
        if (expected is { End: EndKind.Handler, Vector: 14 } && a.Cr2 != b.Cr2)
        {
            differences.Add($"CR2: {a.Cr2:X} emulated: {b.Cr2:X}");
        }

        CompareSegment(differences, "FS", a.Fs, b.Fs);
        CompareSegment(differences, "GS", a.Gs, b.Gs);
        if (_comparesSegments)
        {
            CompareSegment(differences, "CS", a.Cs, b.Cs);
            CompareSegment(differences, "SS", a.Ss, b.Ss);
            CompareSegment(differences, "DS", a.Ds, b.Ds);
            CompareSegment(differences, "ES", a.Es, b.Es);
        }
    }

    private void CompareSegment(List<string> differences, string name, in X64Segment a, in X64Segment b)
    {
        CompareFields(differences, name, Normalize(a), Normalize(b));
    }

    private X64Segment Normalize(X64Segment segment)
    {
        if (_isAmd)
        {
            segment.IsGranular = segment.Limit > MaxByteLimit; // kvm_amd makes the bit from the limit
        }

        if (_isQemu && segment.IsCodeOrData)
        {
            segment.Type |= Accessed; // QEMU 7.2 sets it where a data segment register is loaded by name, and nowhere else
        }

        return segment;
    }

    private void CompareFields(List<string> differences, string name, in X64Segment a, in X64Segment b)
    {
        // An unusable segment's other fields mean nothing; "accessed" of code that is running is always set by then.
        bool differs = a.Base != b.Base || (_comparesSegments && (a.Selector != b.Selector || a.IsUnusable != b.IsUnusable || (!a.IsUnusable && a != b)));
        if (differs)
        {
            differences.Add($"{name}: {a} emulated: {b}");
        }
    }

    private void CompareXsave(List<string> differences, TestCase test, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.SequenceEqual(b))
        {
            return;
        }

        for (int i = 0; i < TestCase.XsaveSize; i += 16)
        {
            ReadOnlySpan<byte> x = a.Slice(i, 16);
            ReadOnlySpan<byte> y = b.Slice(i, 16);
            if (_isQemu && i is >= 32 and < 160)
            {
                // QEMU 7.2 leaves the exponent of an x87 register alone when an MMX register is written.
                x = x[..8];
                y = y[..8];
            }

            if (i == 512 || x.SequenceEqual(y))
            {
                continue; // the header
            }

            string name = i switch
            {
                0 => "FCW, FSW, FTW, FOP",
                16 => "MXCSR",
                < 160 => $"ST{(i - 32) / 16}",
                < 416 => $"XMM{(i - 160) / 16}",
                _ => $"YMM{(i - 576) / 16} high",
            };
            differences.Add($"{name}: {Convert.ToHexString(x)} emulated: {Convert.ToHexString(y)}");
        }
    }

    // As in Normalize, in the descriptor tables.
    private static void ForgetAccessed(Span<byte> memory)
    {
        const int accessByte = 5;
        foreach (int start in (ReadOnlySpan<int>)[(int)MachineMap.Gdt, (int)SystemMap.LocalTable])
        {
            for (int i = accessByte; i < SystemMap.GdtEnd; i += sizeof(ulong))
            {
                memory[start + i] |= Accessed;
            }
        }

        // It sets the accessed bit of an entry that has none: the first of PAE paging. (SDM vol. 3A, 4.4.1)
        if ((memory[(int)MachineMap.PageTables] & 0xDF) == 1)
        {
            memory[(int)MachineMap.PageTables] |= 0x20;
        }
    }

    private void CompareMemory(List<string> differences, TestCase test, Outcome expected, Outcome actual, ulong undefined, ulong errors)
    {
        if (expected.Memory.AsSpan().SequenceEqual(actual.Memory))
        {
            return;
        }

        Span<byte> a = expected.Memory;
        Span<byte> b = actual.Memory;
        if (_isQemu && test.System is not null)
        {
            ForgetAccessed(a);
            ForgetAccessed(b);
        }

        if (expected.End == EndKind.Handler)
        {
            MaskFrame(test, expected, a, undefined, errors);
            MaskFrame(test, actual, b, undefined, errors);
        }

        int at = 0;
        for (int count = 0; count < 4; count++)
        {
            int common = a[at..].CommonPrefixLength(b[at..]);
            at += common;
            if (at >= a.Length)
            {
                return;
            }

            int start = at & ~7;
            differences.Add($"memory {start:X}: {Convert.ToHexString(a.Slice(start, 8))} emulated: {Convert.ToHexString(b.Slice(start, 8))}");
            at = start + 8;
        }
    }

    // The flags that an exception pushed, and its error code.
    private static void MaskFrame(TestCase test, Outcome outcome, Span<byte> memory, ulong undefined, ulong errors)
    {
        var frame = FaultFrame.Of(test, outcome);
        if (frame.Flags > (ulong)(memory.Length - frame.WordSize))
        {
            return;
        }

        if (outcome.Vector == 14)
        {
            memory[(int)frame.ErrorCode] &= (byte)~errors;
        }

        for (int i = 0; i < frame.WordSize; i++)
        {
            memory[(int)frame.Flags + i] &= (byte)~(undefined >> (8 * i));
        }
    }

    private static string Text(Outcome outcome) => outcome.End switch
    {
        EndKind.Handler => $"vector {outcome.Vector}",
        EndKind.Unsupported or EndKind.Other => $"{outcome.End} {outcome.Detail}",
        _ => outcome.End.ToString(),
    };

    private static string FlagText(ulong flags)
    {
        (ulong Flag, string Name)[] names =
        [
            (X64Flags.Carry, "CF"), (X64Flags.Parity, "PF"), (X64Flags.Auxiliary, "AF"), (X64Flags.Zero, "ZF"), (X64Flags.Sign, "SF"), (X64Flags.Overflow, "OF"),
            (X64Flags.Direction, "DF"), (X64Flags.InterruptEnable, "IF"), (X64Flags.Trap, "TF"), (X64Flags.Resume, "RF"), (1UL << 14, "NT"), (1UL << 18, "AC"), (1UL << 21, "ID"),
            (X64Flags.IoPrivilegeLevelMask, "IOPL"),
        ];
        return string.Join(' ', names.Where(name => (flags & name.Flag) != 0).Select(static name => name.Name));
    }
}
