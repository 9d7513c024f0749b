using System.Buffers.Binary;
using Iced.Intel;

namespace HvSdk.Emulation.Tests;

/// <summary>Floating-point arithmetic beside the host's own processor: the same bits and the same MXCSR, or left to the caller.</summary>
public sealed class VectorFloatTests
{
    private const int Rounds = 40;

    [Fact]
    public void EveryForm_RandomNumbers_AsTheProcessorOrUnsupported()
    {
        Assert.SkipUnless(NativeProcessor.IsSupported, "The host's processor is no x86-64 with AVX2, or the host is no Linux.");
        using var truth = new VectorTruth();
        var random = new Random(7);
        List<string> differences = [];
        foreach (Code code in VectorForms.Codes.Where(VectorForms.IsFloat))
        {
            foreach (bool memory in new[] { false, true })
            {
                int done = 0;
                int tried = 0;
                for (int i = 0; i < Rounds; i++)
                {
                    byte[] data = Data(random, i % 6);
                    if (!VectorForms.TryCreate(code, memory, (byte)random.Next(32), out Instruction instruction))
                    {
                        break;
                    }

                    tried++;
                    string? difference = truth.Compare(a => a.AddInstruction(instruction), data);
                    done += difference is null ? 1 : 0;
                    if (difference is not null && !difference.StartsWith(nameof(X64EmulationResult.Unsupported), StringComparison.Ordinal))
                    {
                        differences.Add($"{code} {instruction} round {i}: {difference}");
                        break;
                    }
                }

                if (tried > 0 && done < Rounds / 6)
                {
                    differences.Add($"{code}, memory {memory}: only {done} of {tried} were done.");
                }
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count}:\n{string.Join('\n', differences.Take(60))}");
    }

    /// <summary>Singles, doubles, small whole numbers of both, numbers of any size, any bits.</summary>
    private static byte[] Data(Random random, int kind)
    {
        byte[] data = new byte[VectorTruth.DataSize];
        random.NextBytes(data.AsSpan(0, 0x280));
        for (int i = 0; i < 0x280 && kind < 5; i += 8)
        {
            Span<byte> place = data.AsSpan(i, 8);
            switch (kind)
            {
                case 0:
                    BinaryPrimitives.WriteSingleLittleEndian(place, (float)((random.NextDouble() - 0.5) * 1000));
                    BinaryPrimitives.WriteSingleLittleEndian(place[4..], (float)(random.NextDouble() * 1000));
                    break;
                case 1:
                    BinaryPrimitives.WriteDoubleLittleEndian(place, (random.NextDouble() - 0.3) * 1000);
                    break;
                case 2:
                    BinaryPrimitives.WriteSingleLittleEndian(place, random.Next(0, 9));
                    BinaryPrimitives.WriteSingleLittleEndian(place[4..], random.Next(1, 5));
                    break;
                case 3:
                    BinaryPrimitives.WriteDoubleLittleEndian(place, random.Next(1, 9));
                    break;
                default:
                    BinaryPrimitives.WriteDoubleLittleEndian(place, Math.ScaleB(random.NextDouble() + 1, random.Next(-1060, 1020)));
                    break;
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(data.AsSpan(0x98), 0x1F80);
        return data;
    }
}
