using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Emulation.Tests;

/// <summary>Vector instructions beside the host's own processor, on random operands.</summary>
public sealed class VectorInstructionTests
{
    private const int Rounds = 12;

    /// <summary>Every form that the emulator has, with registers and with memory.</summary>
    [Fact]
    public void EveryForm_RandomOperands_AsTheProcessor()
    {
        Assert.SkipUnless(NativeProcessor.IsSupported, "The host's processor is no x86-64 with AVX2, or the host is no Linux.");
        using var truth = new VectorTruth();
        var random = new Random(4);
        List<string> differences = [];
        int forms = 0;
        foreach (Code code in VectorForms.Codes.Where(static code => !VectorForms.IsFloat(code)))
        {
            foreach (bool memory in new[] { false, true })
            {
                for (int i = 0; i < Rounds; i++)
                {
                    byte[] data = Data(random, i);
                    if (!VectorForms.TryCreate(code, memory, (byte)random.Next(i % 2 == 0 ? 256 : 20), out Instruction instruction))
                    {
                        break;
                    }

                    forms += i == 0 ? 1 : 0;
                    if (truth.Compare(a => a.AddInstruction(instruction), data) is { } difference)
                    {
                        differences.Add($"{code} {instruction}: {difference}");
                        break;
                    }
                }
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count} of {forms} forms differ:\n{string.Join('\n', differences.Take(60))}");
        Assert.True(forms > 700, $"Only {forms} forms were compared.");
    }

    /// <summary>FXSAVE and XSAVE in all kinds write what the processor writes.</summary>
    [Theory]
    [InlineData(Code.Fxsave_m512byte)]
    [InlineData(Code.Fxsave64_m512byte)]
    [InlineData(Code.Xsave_mem)]
    [InlineData(Code.Xsave64_mem)]
    [InlineData(Code.Xsaveopt64_mem)]
    [InlineData(Code.Xsavec64_mem)]
    public void Save_RandomRegisters_AsTheProcessor(Code code)
    {
        Assert.SkipUnless(NativeProcessor.IsSupported, "The host's processor is no x86-64 with AVX2, or the host is no Linux.");
        using var truth = new VectorTruth();
        truth.UseX87();
        var random = new Random(5);
        for (int components = 0; components < 8; components++)
        {
            byte[] data = Data(random, 0);
            int mask = components;
            Assert.True(
                truth.Compare(a => Save(a, code, mask), data) is not { } difference,
                $"components {mask}: {truth.Compare(a => Save(a, code, mask), data)}");
        }
    }

    /// <summary>What was saved and then destroyed comes back, also where components were in their initial state.</summary>
    [Theory]
    [InlineData(Code.Xsave64_mem, false)]
    [InlineData(Code.Xsaveopt_mem, false)]
    [InlineData(Code.Xsavec64_mem, false)]
    [InlineData(Code.Xsavec64_mem, true)]
    [InlineData(Code.Xsave64_mem, true)]
    public void Restore_OfASavedArea_AsTheProcessor(Code code, bool initial)
    {
        Assert.SkipUnless(NativeProcessor.IsSupported, "The host's processor is no x86-64 with AVX2, or the host is no Linux.");
        using var truth = new VectorTruth();
        for (int components = 0; components < 8; components++)
        {
            byte[] data = Data(new Random(components), 0);
            int mask = components;
            string? difference = truth.Compare(
                a =>
                {
                    if (initial)
                    {
                        a.vzeroall();
                    }

                    Save(a, code, mask);
                    a.vpaddb(ymm0, ymm1, ymm2);
                    a.vpaddb(ymm3, ymm2, ymm2);
                    a.mov(eax, 7);
                    a.xrstor(__[rdi + 0x400]);
                },
                data);
            Assert.True(difference is null, $"components {mask}: {difference}");
        }
    }

    /// <summary>MMX registers are physical x87 registers, wherever the top of the stack is; the first MMX instruction moves it to 0.</summary>
    [Fact]
    public void Mmx_OfAStackOfTwo_AsTheProcessor()
    {
        Assert.SkipUnless(NativeProcessor.IsSupported, "The host's processor is no x86-64 with AVX2, or the host is no Linux.");
        using var truth = new VectorTruth();
        string? difference = truth.Compare(
            static a =>
            {
                a.emms();
                a.fild(__dword_ptr[rdi + 0x100]);
                a.fild(__qword_ptr[rdi + 0x108]);
                a.movq(rax, mm7);
                a.movq(mm0, mm6);
                a.fnstsw(__word_ptr[rdi + 0x400]);
                a.paddd(mm1, mm6);
            },
            Data(new Random(9), 0));
        Assert.True(difference is null, difference);
    }

    private static void Save(Assembler a, Code code, int components)
    {
        a.mov(eax, components);
        a.AddInstruction(Instruction.Create(code, new MemoryOperand(Register.RDI, 0x400)));
    }

    /// <summary>Random bytes; in some rounds small numbers, as counts and indices, or bytes that are all ones or zeros. The area for saves is clear.</summary>
    private static byte[] Data(Random random, int round)
    {
        byte[] data = new byte[VectorTruth.DataSize];
        random.NextBytes(data.AsSpan(0, 0x280));
        for (int i = 0; i < 0x280; i += 8)
        {
            switch (round % 4)
            {
                case 1:
                    BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(i), (ulong)random.Next(80));
                    break;
                case 2:
                    BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(i), (uint)random.Next(40) | ((ulong)(uint)random.Next(40) << 32));
                    break;
                case 3:
                    for (int j = i; j < i + 8; j++)
                    {
                        data[j] = (byte)(random.Next(3) == 0 ? 0x80 : random.Next(2) == 0 ? 0xFF : 0);
                    }

                    break;
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x98), 0x1F80);

        // A restore takes MXCSR from the area even where no save wrote it.
        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x418), 0x1F80);
        return data;
    }
}
