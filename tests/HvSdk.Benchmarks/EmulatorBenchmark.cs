using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using HvSdk.Emulation;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Benchmarks;

/// <summary>The emulator: a fixed mix of instructions against the same program under this machine's hypervisor, and one access of a device.</summary>
internal sealed class EmulatorBenchmark(Hypervisor hypervisor, bool quick)
{
    private const int RamSize = 1 << 20;
    private const ulong Device = 0x1000_0000;
    private const int MixesOfEmulator = 400;
    private const int MixesOfPeer = 20;

    internal IEnumerable<Result> Run()
    {
        (double emulated, double bytes) = Emulated();
        double peer = Peer();
        yield return new Result(
            "emulator-instructions-per-second", emulated / 1e6, "million", Relation.AtLeast, 30, string.Create(
                CultureInfo.InvariantCulture, $"{emulated / peer:F1} times the hypervisor at CPL 0 with {peer / 1e6:F1} million; goal 15 times"));
        yield return new Result("emulator-ratio", emulated / peer, "times", Relation.AtLeast, 15, "emulator by hypervisor, the same program at CPL 0");
        (double nanoseconds, double mmioBytes) = Mmio();
        yield return new Result("emulator-mmio-ns", nanoseconds, "ns", Relation.AtMost, 400, "one MOV from a device: translations forgotten, access, answer, completion");
        yield return new Result("emulator-bytes", bytes + mmioBytes, "bytes", Relation.Exactly, 0, "allocated while both ran");
    }

    private (double PerSecond, double Bytes) Emulated()
    {
        var machine = new FlatMachine(new byte[RamSize]);
        GuestProgram program = Mix();
        X64CpuState state = machine.Load(program);
        var emulator = new X64Emulator();
        double best = 0;
        long before = 0;
        long bytes = 0;
        for (int i = 0; i < (quick ? 6 : 20); i++)
        {
            state.SetRegisters(program.InitialRegisters with { Rbp = MixesOfEmulator });
            state.IsHalted = false;
            before = emulator.InstructionCount;
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            X64EmulationResult result = emulator.Run(state, ref machine, long.MaxValue);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            bytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
            if (result != X64EmulationResult.Halted)
            {
                throw new InvalidOperationException($"The mix ended with {result}: {Convert.ToHexString(emulator.Instruction)}.");
            }

            best = Math.Max(best, (emulator.InstructionCount - before) / seconds);
        }

        return (best, bytes);
    }

    private double Peer()
    {
        var machine = new FlatMachine(new byte[RamSize]);
        GuestProgram program = Mix();
        X64CpuState state = machine.Load(program);
        state.SetRegisters(program.InitialRegisters with { Rbp = MixesOfPeer });
        var emulator = new X64Emulator();
        emulator.Run(state, ref machine, long.MaxValue);

        using Partition partition = hypervisor.CreatePartition();
        partition.Memory.Map(0, RamSize);
        using Vcpu vcpu = partition.CreateVcpu(0);
        program.LoadInto(partition.Memory);
        double best = 0;
        for (int i = 0; i < (quick ? 2 : 4); i++)
        {
            program.Start(vcpu);
            vcpu.X64.SetRegisters(program.InitialRegisters with { Rbp = MixesOfPeer });
            long start = Stopwatch.GetTimestamp();
            VcpuExit exit = vcpu.Run();
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (exit.Kind != VcpuExitKind.Halt)
            {
                exit.ThrowUnexpected();
            }

            best = Math.Max(best, emulator.InstructionCount / seconds);
        }

        return best;
    }

    /// <summary>What a backend does for each exit: a vCPU that ran elsewhere, so nothing that is known of its pages holds.</summary>
    private (double Nanoseconds, double Bytes) Mmio()
    {
        var machine = new FlatMachine(new byte[RamSize]);
        GuestProgram program = GuestProgram.LongMode(static a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.mov(eax, __dword_ptr[rbx]);
            a.jmp(again);
        });
        X64CpuState state = machine.Load(program);
        X64Registers registers = program.InitialRegisters with { Rbx = Device };
        var emulator = new X64Emulator();
        const int Count = 20_000;
        double best = double.MaxValue;
        long bytes = 0;

        // For a time, not for a number of rounds: the runtime compiles what is used most anew, and takes longer for it behind other benchmarks.
        TimeSpan length = TimeSpan.FromSeconds(quick ? 1.5 : 4);
        for (long begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < length;)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < Count; j++)
            {
                state.SetRegisters(registers);
                emulator.FlushTranslations();
                if (emulator.Run(state, ref machine, 1) != X64EmulationResult.Access)
                {
                    throw new InvalidOperationException("The access did not leave the emulator.");
                }

                BinaryPrimitives.WriteInt32LittleEndian(emulator.Access.Data, j);
                emulator.Run(state, ref machine, 1);
                state.GetRegisters(out registers);
                registers.Rip = program.EntryPoint;
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / Count);
            bytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
        }

        return (best, bytes);
    }

    /// <summary>RBP times: a counting loop, a copy of 2 KiB by words, an insertion sort of 32 numbers, and branches that depend on a generator.</summary>
    private static GuestProgram Mix() => GuestProgram.LongMode(static a =>
    {
        Label mix = a.CreateLabel();
        a.Label(ref mix);
        CountingLoop(a);
        Copy(a);
        Sort(a);
        Branches(a);
        a.dec(rbp);
        a.jne(mix);
        a.hlt();
    });

    private static void CountingLoop(Assembler a)
    {
        Label again = a.CreateLabel();
        a.mov(ecx, 300);
        a.xor(eax, eax);
        a.Label(ref again);
        a.add(rax, rcx);
        a.lea(rdx, __[rax + (rcx * 4) + 7]);
        a.xor(rax, rdx);
        a.dec(ecx);
        a.jne(again);
    }

    private static void Copy(Assembler a)
    {
        Label again = a.CreateLabel();
        a.mov(esi, 0x2_0000);
        a.mov(edi, 0x3_0000);
        a.mov(ecx, 256);
        a.Label(ref again);
        a.mov(rax, __qword_ptr[rsi]);
        a.mov(__qword_ptr[rdi], rax);
        a.add(rsi, 8);
        a.add(rdi, 8);
        a.sub(ecx, 1);
        a.jne(again);
    }

    private static void Sort(Assembler a)
    {
        Label fill = a.CreateLabel();
        Label outer = a.CreateLabel();
        Label inner = a.CreateLabel();
        Label placed = a.CreateLabel();
        a.mov(edi, 0x4_0000);
        a.xor(ecx, ecx);
        a.mov(eax, 12345);
        a.Label(ref fill);
        a.imul(eax, eax, 1103515245);
        a.add(eax, 12345);
        a.mov(__dword_ptr[rdi + (rcx * 4)], eax);
        a.inc(ecx);
        a.cmp(ecx, 32);
        a.jb(fill);
        a.mov(ecx, 1);
        a.Label(ref outer);
        a.mov(eax, __dword_ptr[rdi + (rcx * 4)]);
        a.mov(edx, ecx);
        a.Label(ref inner);
        a.cmp(__dword_ptr[rdi + (rdx * 4) - 4], eax);
        a.jle(placed);
        a.mov(esi, __dword_ptr[rdi + (rdx * 4) - 4]);
        a.mov(__dword_ptr[rdi + (rdx * 4)], esi);
        a.dec(edx);
        a.jne(inner);
        a.Label(ref placed);
        a.mov(__dword_ptr[rdi + (rdx * 4)], eax);
        a.inc(ecx);
        a.cmp(ecx, 32);
        a.jb(outer);
    }

    private static void Branches(Assembler a)
    {
        Label again = a.CreateLabel();
        Label even = a.CreateLabel();
        Label next = a.CreateLabel();
        a.mov(ecx, 200);
        a.mov(eax, 1);
        a.Label(ref again);
        a.test(al, 1);
        a.je(even);
        a.lea(eax, __[rax + (rax * 2) + 1]);
        a.jmp(next);
        a.Label(ref even);
        a.shr(eax, 1);
        a.push(rax);
        a.pop(rbx);
        a.Label(ref next);
        a.dec(ecx);
        a.jne(again);
    }

    /// <summary>Memory from 0 on, and nothing else.</summary>
    private readonly struct FlatMachine(byte[] ram) : IX64Machine
    {
        internal X64CpuState Load(GuestProgram program)
        {
            foreach (GuestImagePart part in program.Parts)
            {
                part.Bytes.Span.CopyTo(ram.AsSpan((int)part.Address));
            }

            var state = new X64CpuState { SpecialRegisters = program.InitialSpecialRegisters };
            state.SetRegisters(program.InitialRegisters);
            return state;
        }

        public bool TryRead(ulong gpa, scoped Span<byte> data)
        {
            if (gpa + (ulong)data.Length > (ulong)ram.Length)
            {
                return false;
            }

            ram.AsSpan((int)gpa, data.Length).CopyTo(data);
            return true;
        }

        public bool TryWrite(ulong gpa, scoped ReadOnlySpan<byte> data)
        {
            if (gpa + (ulong)data.Length > (ulong)ram.Length)
            {
                return false;
            }

            data.CopyTo(ram.AsSpan((int)gpa));
            return true;
        }

        public bool TryCompareExchange(ulong gpa, int size, UInt128 expected, UInt128 desired, out UInt128 found)
        {
            Span<byte> value = stackalloc byte[16];
            value.Clear();
            found = 0;
            if (!TryRead(gpa, value[..size]))
            {
                return false;
            }

            found = BinaryPrimitives.ReadUInt128LittleEndian(value);
            if (found == expected)
            {
                BinaryPrimitives.WriteUInt128LittleEndian(value, desired);
                TryWrite(gpa, value[..size]);
            }

            return true;
        }

        public bool TryReadMsr(uint index, out ulong value)
        {
            value = 0;
            return false;
        }

        public bool TryWriteMsr(uint index, ulong value) => false;

        public void Cpuid(uint leaf, uint subleaf, out uint eax, out uint ebx, out uint ecx, out uint edx) => eax = ebx = ecx = edx = 0;

        public ulong ReadTimeStampCounter() => 0;

        public void LoadVectorState(X64CpuState state)
        {
        }
    }
}
