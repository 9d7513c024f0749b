using System.Buffers.Binary;
using System.Text;
using HvSdk.Testing;

namespace HvSdk.Live;

/// <summary>A program of AArch64: it starts at EL1 or EL0 with its MMU on and SIMD allowed, and with all registers zero but for X27 and X28.</summary>
/// <remarks>
/// All exceptions lead to a vector that writes to <see cref="FaultPlace"/>, but for those that the program handles itself. Interrupts are masked at the
/// start. Code, vectors, stacks and tables lie within the first 64 KiB (<see cref="Arm64ProgramTables"/> says what the tables map).
/// </remarks>
public sealed class Arm64Program : TestProgram
{
    /// <summary>What X27 holds at the start: where tests put their devices.</summary>
    public const ulong DevicePlace = TestMachine.DeviceAddress;

    /// <summary>What X28 holds at the start: a GPA of which nobody takes a page, where guests say that they are done. A byte of it can be read as well.</summary>
    public const ulong HostPlace = 0xD800_0000;

    /// <summary>An exception that the program does not handle writes here.</summary>
    public const ulong FaultPlace = HostPlace + FaultOffset;

    /// <summary>GPA of the code where nothing else is said.</summary>
    public const ulong DefaultLoadAddress = 0x1000;

    private const int FaultOffset = 0x100;
    private const ulong Vectors = 0x8000;
    private const int VectorSize = 0x80;
    private const int VectorCount = 16;
    private const ulong Stack = 0xA000;
    private const ulong UserStack = 0xB000;

    private readonly Arm64Assembler _code;
    private readonly byte[] _bytes;
    private readonly byte[] _vectors;
    private readonly bool _isUser;

    /// <summary>Assembles a program.</summary>
    /// <param name="body">Writes the instructions.</param>
    /// <param name="symbols">Named places, filled by the body.</param>
    /// <param name="privilegeLevel">0: EL1; 3: EL0.</param>
    /// <param name="loadAddress">GPA of the code.</param>
    /// <param name="handlers">What the program handles: a vector's offset (<see cref="Arm64Vector"/>) and at most 32 instructions.</param>
    public Arm64Program(
        Action<Arm64Assembler> body,
        IReadOnlyDictionary<string, ulong>? symbols = null,
        int privilegeLevel = 0,
        ulong loadAddress = DefaultLoadAddress,
        params ReadOnlySpan<(Arm64Vector Vector, Action<Arm64Assembler> Body)> handlers)
    {
        ArgumentNullException.ThrowIfNull(body);
        _code = new Arm64Assembler(loadAddress);
        body(_code);
        _bytes = _code.ToArray();
        _vectors = AssembleVectors(handlers);
        _isUser = privilegeLevel == 3;
        Symbols = symbols ?? new Dictionary<string, ulong>();
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, ulong> Symbols { get; }

    /// <summary>GPA of the first instruction.</summary>
    public ulong EntryPoint => _code.Origin;

    /// <inheritdoc/>
    public override void LoadInto(GuestMemory memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        memory.Write(EntryPoint, _bytes);
        memory.Write(Vectors, _vectors);
        Arm64ProgramTables.WriteTo(memory);
    }

    /// <inheritdoc/>
    public override void Start(Vcpu vcpu)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        Arm64Registers registers = new()
        {
            [27] = DevicePlace,
            [28] = HostPlace,
            Pc = EntryPoint,
            Pstate = (_isUser ? Arm64Pstate.El0 : Arm64Pstate.El1h) | Arm64Pstate.AllMasked,
        };
        vcpu.Arm64.SetSystemRegisters(Arm64ProgramTables.Registers(_isUser));
        vcpu.Arm64.SetSystemRegisters(
            new(Arm64SystemRegister.VbarEl1, Arm64ProgramTables.KernelAlias + Vectors),
            new(Arm64SystemRegister.SpEl1, Stack),
            new(Arm64SystemRegister.SpEl0, UserStack));
        vcpu.Arm64.SetRegisters(registers);
        vcpu.Arm64.PowerState = Arm64PowerState.On;
    }

    /// <summary>The words of the code: a disassembler of AArch64 is not at hand.</summary>
    public override string Disassemble()
    {
        var text = new StringBuilder();
        for (int i = 0; i < _bytes.Length; i += sizeof(uint))
        {
            text.AppendLine(null, $"{EntryPoint + (ulong)i:X8}  {BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(i)):X8}");
        }

        return text.ToString();
    }

    private static byte[] AssembleVectors(ReadOnlySpan<(Arm64Vector Vector, Action<Arm64Assembler> Body)> handlers)
    {
        var vectors = new Arm64Assembler(Vectors);
        for (int i = 0; i < VectorCount; i++)
        {
            Action<Arm64Assembler> body = TellFault;
            foreach ((Arm64Vector vector, Action<Arm64Assembler> own) in handlers)
            {
                body = (int)vector == i * VectorSize ? own : body;
            }

            body(vectors);
            vectors.PadTo(Vectors + (ulong)((i + 1) * VectorSize));
        }

        return vectors.ToArray();
    }

    private static void TellFault(Arm64Assembler vector)
    {
        Arm64Label loop = new();
        vector.Mark(loop);
        vector.Str(28, 28, 8, FaultOffset);
        vector.B(loop);
    }
}

/// <summary>Offsets of the exception vectors that programs handle (Arm ARM, D1.3.1.3).</summary>
public enum Arm64Vector
{
    /// <summary>A synchronous exception from EL1, with its own stack.</summary>
    Synchronous = 0x200,

    /// <summary>An IRQ from EL1.</summary>
    Irq = 0x280,

    /// <summary>A FIQ from EL1.</summary>
    Fiq = 0x300,

    /// <summary>A synchronous exception from EL0.</summary>
    SynchronousFromUser = 0x400,

    /// <summary>An IRQ from EL0.</summary>
    IrqFromUser = 0x480,
}
