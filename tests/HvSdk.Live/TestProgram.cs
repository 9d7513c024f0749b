using System.Diagnostics.CodeAnalysis;
using HvSdk.Testing;

namespace HvSdk.Live;

/// <summary>What a <see cref="TestMachine"/> runs: a guest program of the architecture under test.</summary>
public abstract class TestProgram
{
    /// <summary>Addresses of the places that the program's author has named.</summary>
    public abstract IReadOnlyDictionary<string, ulong> Symbols { get; }

    /// <summary>A program of x86-64, as it is.</summary>
    /// <param name="program">The program, or null.</param>
    [return: NotNullIfNotNull(nameof(program))]
    public static implicit operator TestProgram?(GuestProgram? program) => program is null ? null : new X64TestProgram(program);

    /// <summary>Writes the code and the tables.</summary>
    /// <param name="memory">The guest's memory.</param>
    public abstract void LoadInto(GuestMemory memory);

    /// <summary>Sets all registers, so that the vCPU's next run executes the program.</summary>
    /// <param name="vcpu">The vCPU.</param>
    public abstract void Start(Vcpu vcpu);

    /// <summary>The code as text, for the message of a failing test.</summary>
    public abstract string Disassemble();

    private sealed class X64TestProgram(GuestProgram program) : TestProgram
    {
        public override IReadOnlyDictionary<string, ulong> Symbols => program.Symbols;

        public override void LoadInto(GuestMemory memory) => program.LoadInto(memory);

        public override void Start(Vcpu vcpu) => program.Start(vcpu);

        public override string Disassemble() => program.Disassemble();
    }
}
